"""Ways to wait: the calls that each made and the CPU time that it used, on logarithmic axes."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sockets_lab.figures.canvas.axes import Look, log_axis, looks_of, on_card, spread
from sockets_lab.figures.canvas.card import Card, Point, house_settings, text_width
from sockets_lab.figures.canvas.claims import JudgedClaim, claims_height, compare, draw_claims
from sockets_lab.figures.canvas.palette import CARD, SOFT
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.figures.canvas.units import digits, many

__all__ = ["Waiting", "waiting_costs"]

Claim = tuple[str, str, float, str]


class Waiting(NamedTuple):
    """Cost of one way to wait: calls made by the program, and seconds of CPU time."""

    name: str
    calls: int
    cpu_s: float


def waiting_costs(
    waits: Sequence[Waiting], *, claims: Sequence[Claim] = (), title: str = "What waiting costs"
) -> Picture:
    """Draw each way to wait by its calls and its CPU time; at most nine.

    Each of `claims` is (quantity, more, factor, less), where the quantity is "calls" or "time":
    "the calls of more are more than factor times those of less". Numbers differ from run to run, so
    the words contain none, and say for each claim if it is true here.

    Raises ValueError for no ways, for counts and times that cannot be, and for claims about others.
    """
    if not waits:
        raise ValueError("nothing to draw: give at least one way to wait")
    for one in waits:
        if one.calls < 1 or not one.cpu_s >= 0:
            raise ValueError(f"{one!r}: give 1 call or more, and CPU seconds from 0 upwards")
    by_name = {one.name: one for one in waits}
    judged = [_judge(claim, by_name) for claim in claims]
    words = [f"calls and CPU time of waiting: {', '.join(by_name)}", *map(str, judged)]
    with house_settings():
        return Picture(_draw(waits, judged, title), "\n".join(words))


def _judge(claim: Claim, by_name: dict[str, Waiting]) -> JudgedClaim:
    quantity, more, factor, less = claim
    for name in (more, less):
        if name not in by_name:
            raise ValueError(f"nothing was measured of {name!r}: there is {', '.join(by_name)}")
    one, other = by_name[more], by_name[less]
    if quantity == "calls":
        return compare(
            f"the number of calls of {more}", factor, f"that of {less}", one.calls, other.calls
        )
    if quantity == "time":
        return compare(f"the CPU time of {more}", factor, f"that of {less}", _ms(one), _ms(other))
    raise ValueError(f"no quantity {quantity!r}: a claim is about calls or time")


_LEAST_MS: Final = 0.001
"""No clock here is finer."""


def _ms(one: Waiting) -> float:
    return max(1000 * one.cpu_s, _LEAST_MS)


# --- drawing ------------------------------------------------------------------------------------

_LEFT, _TOP, _WIDE, _LEAD, _ROW = 84.0, 84.0, 420.0, 30.0, 40.0
_NOTE = "one mark for each way to wait"


def _draw(waits: Sequence[Waiting], claims: Sequence[JudgedClaim], title: str) -> Figure:
    high = max(230.0, _ROW * len(waits))
    labels = [max(text_width(one.name, 12, bold=True), text_width(_WIDEST, 11)) for one in waits]
    width = _LEFT + _WIDE + _LEAD + max(labels) + 24
    bottom = _TOP + high + 62
    card = Card(width, bottom + claims_height(claims, width), title, _NOTE)
    axes = card.axes((_LEFT, _TOP, _WIDE, high), "calls, logarithmic", "CPU time (ms), logarithmic")
    log_axis(axes, "x", 0.7, max(10, *(one.calls for one in waits)) * 2)
    log_axis(axes, "y", min(map(_ms, waits)) / 1.8, max(map(_ms, waits)) * 2)
    looks = looks_of([one.name for one in waits])
    ends = [_mark(card, axes, one, looks[one.name]) for one in waits]
    ys = spread([y for _, y in ends], _ROW, _TOP + 8, _TOP + high - 22)
    for one, end, y in zip(waits, ends, ys, strict=True):
        _label(card, one, looks[one.name], end, y)
    draw_claims(card, claims, bottom - 8, width)
    return card.figure


_WIDEST = "1,000,000 calls, 0.0123 ms"  # the width must not depend on the run


def _mark(card: Card, axes: Axes, one: Waiting, look: Look) -> Point:
    axes.plot(
        [one.calls], [_ms(one)], look.marker, color=look.hue.line, ms=10, mec=CARD, mew=1, zorder=5
    )
    return on_card(card, axes, one.calls, _ms(one))


def _label(card: Card, one: Waiting, look: Look, end: Point, y: float) -> None:
    x = _LEFT + _WIDE + _LEAD
    card.line([(end[0] + 8, end[1]), (x - 12, y), (x - 4, y)], look.hue.line, stroke=0.9, level=2)
    card.text(x, y, one.name, bold=True, ink=look.hue.ink)
    costs = f"{many(one.calls, 'call')}, {digits(_ms(one))} ms"
    card.text(x, y + 17, costs, size=11, ink=SOFT)
