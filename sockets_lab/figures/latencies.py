"""Distributions of latency (CDF), drawn so that the tail has as much room as the rest.

The x axis is the share of the messages, an axis of nines: 90 %, 99 % and 99.9 % are equally far
from each other, since at each a tenth of the messages is left. The y axis is the latency,
logarithmic. A line is thin where fewer than ten messages are left: there its course is chance.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import TYPE_CHECKING, Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from sockets_lab.figures.canvas.axes import Look, log_axis, looks_of, on_card, spread
from sockets_lab.figures.canvas.card import Card, Point, house_settings, text_width
from sockets_lab.figures.canvas.claims import JudgedClaim, claims_height, compare, draw_claims
from sockets_lab.figures.canvas.palette import CARD, SOFT
from sockets_lab.figures.canvas.picture import Picture

if TYPE_CHECKING:  # imported for types alone: other pictures do not need the room `load`
    from sockets_lab.load import Latencies, Result

__all__ = ["coordinated_omission", "latency_cdf"]

Claim = tuple[str, float, str, float]


def latency_cdf(
    groups: "Mapping[str, Latencies]",
    *,
    claims: Sequence[Claim] = (),
    title: str = "How long messages took",
) -> Picture:
    """Draw distributions of latency (CDF) against an axis of nines: 90 %, 99 %, 99.9 % and so on.

    `groups` holds the latencies by what was measured, such as `result.latencies` by server model;
    at most nine. Each of `claims` is (slow, factor, fast, percent): "the percentile of slow is more
    than factor times that of fast"; 100 as percent means the longest. Times differ from run to run,
    so the words contain none, and say for each claim if it is true here.

    Raises ValueError for no groups, for one without messages, and for claims about other groups.
    """
    if not groups:
        raise ValueError("nothing to draw: give at least one group of latencies")
    for name, latencies in groups.items():
        if not latencies.count:
            raise ValueError(f"no message was counted for {name!r}: leave it out")
    judged = [_judge(claim, groups) for claim in claims]
    looks = looks_of(list(groups))
    curves = [_Curve.of(name, latencies, looks[name]) for name, latencies in groups.items()]
    words = [f"distributions of latency, to the longest: {', '.join(groups)}", *map(str, judged)]
    with house_settings():
        return Picture(_draw(curves, judged, title), "\n".join(words))


def _judge(claim: Claim, groups: "Mapping[str, Latencies]") -> JudgedClaim:
    slow, factor, fast, percent = claim
    for name in (slow, fast):
        if name not in groups:
            raise ValueError(f"no latencies of {name!r}: there is {', '.join(groups)}")
    more, less = (groups[name].percentile_s(percent) for name in (slow, fast))
    return compare(f"{name_of(percent)} of {slow}", factor, f"that of {fast}", more, less)


# --- coordinated omission -----------------------------------------------------------------------

_DUE, _SENT, _CLOSED = "from when it was due", "from when it was sent", "closed loop"
_LEFT_OUT = (("left out: the wait", "for a connection", "that is free"), ("left out",))


def coordinated_omission(
    opened: "Result",
    closed: "Result | None" = None,
    *,
    percent: float = 99,
    factor: float = 10,
    title: str = "What counting from the send leaves out",
) -> Picture:
    """Draw an open loop's latencies twice: counted from when due, and from when sent.

    The area between the two is what counting from the send leaves out: the wait for a connection
    that is free. `closed` adds a closed loop on the same server. The words claim that at `percent`
    the first is more than `factor` times each of the others, and say if that is true here.

    Raises ValueError for a result of another loop.
    """
    if opened.corrected is None:
        raise ValueError(f"this is the result of a {opened.load}: give one of an OpenLoop first")
    groups = {_DUE: opened.corrected, _SENT: opened.latencies}
    if closed is not None:
        groups[_CLOSED] = closed.latencies
    looks = looks_of(["threaded", "selectors_loop", "serial"]).values()
    curves = [
        _Curve.of(name, latencies, look)
        for (name, latencies), look in zip(groups.items(), looks, strict=False)
    ]
    judged = [_judge_omission(groups, other, percent, factor) for other in list(groups)[1:]]
    words = [f"latency of a message, to the longest: {', '.join(groups)}", *map(str, judged)]
    with house_settings():
        return Picture(_draw(curves, judged, title, _Area(0, 1, _LEFT_OUT)), "\n".join(words))


def _judge_omission(
    groups: "dict[str, Latencies]", other: str, percent: float, factor: float
) -> JudgedClaim:
    more, less = (groups[name].percentile_s(percent) for name in (_DUE, other))
    subject = f"counted from when it was due, {name_of(percent)}"
    than = "that of a closed loop" if other == _CLOSED else f"that {other}"
    return compare(subject, factor, than, more, less)


# --- the axis of nines --------------------------------------------------------------------------


def nines(share: float) -> float:
    """Return where a share of the messages is on the axis: 0 at 0 %, 1 at 90 %, 2 at 99 %."""
    return -log10(1 - share)


def name_of(percent: float) -> str:
    """Return a percentile's name: "the median", "the 99th percentile", "the longest"."""
    if percent in (50, 100):
        return "the median" if percent == 50 else "the longest"
    whole = f"{percent:g}"
    ending = "th" if whole[-2:] in ("11", "12", "13") else _ENDINGS.get(whole[-1], "th")
    return f"the {whole}{ending} percentile"


_ENDINGS: Final = {"1": "st", "2": "nd", "3": "rd"}


# --- drawing ------------------------------------------------------------------------------------


class _Curve(NamedTuple):
    """One line: its `name` and look, what it draws, and that again as the corners of its steps.

    `across` are positions on the axis of nines, `upward` latencies in milliseconds.
    """

    name: str
    latencies: "Latencies"
    look: Look
    across: Sequence[float]
    upward: Sequence[float]

    @classmethod
    def of(cls, name: str, latencies: "Latencies", look: Look) -> "_Curve":
        """Return the line; a latency lasts from the share of messages before it to its own."""
        end = log10(max(2, latencies.count)) + _STUB
        across, upward = [0.0], []
        for step in latencies.steps():
            x = end if step.share >= 1 else min(nines(step.share), end)
            upward += [_ms(step.latency_s)] * 2
            across += [x, x]
        return cls(name, latencies, look, across[:-1], upward)

    @property
    def end(self) -> float:
        """Return where on the axis of nines the longest message is."""
        return self.across[-1]

    def at(self, x: float) -> float:
        """Return the latency in milliseconds at a position on the axis of nines."""
        return self.upward[min(bisect_left(self.across, x), len(self.upward) - 1)]


class _Area(NamedTuple):
    """Area between the lines number `upper` and `lower`, and its name.

    `names` are versions of the name, each in lines: the first that fits is written.
    """

    upper: int
    lower: int
    names: Sequence[Sequence[str]]


_LEFT, _TOP, _WIDE, _HIGH = 92.0, 84.0, 500.0, 320.0
_ROW, _LEAD = 40.0, 26.0
_STUB: Final = 0.08
_FEW: Final = 10
_ACROSS: Final = "share of messages that took no longer; from 90 % on, each step leaves a tenth"
_NOTE: Final = "lines are thin where fewer than ten messages took longer; a dot marks the longest"


def _draw(
    curves: Sequence[_Curve],
    claims: Sequence[JudgedClaim],
    title: str,
    area: _Area | None = None,
) -> Figure:
    """Draw the lines, their names with median and 99th percentile, and the claims below."""
    high = max(_HIGH, _ROW * len(curves))
    right = _LEFT + _WIDE
    width = right + _LEAD + max(map(_label_width, curves)) + 24
    bottom = _TOP + high + 62
    card = Card(width, bottom + claims_height(claims, width), title, _NOTE)
    axes = _axes(card, (_LEFT, _TOP, _WIDE, high), curves)
    for level, curve in enumerate(curves):
        _plot(axes, curve, level)
    if area is not None:
        _fill(card, axes, curves, area)
    _label(card, axes, curves, high)
    draw_claims(card, claims, bottom - 8, width)
    return card.figure


def _axes(card: Card, box: tuple[float, float, float, float], curves: Sequence[_Curve]) -> Axes:
    axes = card.axes(box, _ACROSS, "latency (ms), logarithmic")
    furthest = max(curve.end for curve in curves)
    axes.set_xlim(0, furthest + 0.06)
    shares = [0.5, *(1 - 10.0**-count for count in range(1, floor(furthest) + 1))]
    if 0.301 * box[2] / furthest > 40:
        shares.insert(0, 0.0)
    axes.set_xticks([nines(share) for share in shares], [_percent(share) for share in shares])
    most = max(_ms(curve.latencies.largest_s) for curve in curves)
    log_axis(axes, "y", _least(curves) / 1.6, most * 1.6)
    axes.xaxis.set_minor_locator(NullLocator())
    return axes


def _least(curves: Sequence[_Curve]) -> float:
    """Return where the axis begins: at the 1st percentile, as fewer would take half of it."""
    return min(_ms(curve.latencies.percentile_s(1)) for curve in curves)


def _percent(share: float) -> str:
    return f"{100 * share:.6g} %"


def _ms(latency_s: float) -> float:
    return max(1000 * latency_s, 1e-4)  # no clock here is finer


def _plot(axes: Axes, curve: _Curve, level: int) -> None:
    bottom = axes.get_ylim()[0]
    across, upward = curve.across, [max(bottom, y) for y in curve.upward]
    weak = max(0.0, log10(curve.latencies.count / _FEW))
    cut = bisect_right(across, weak)
    held = upward[min(cut, len(upward) - 1)]
    ink, over = curve.look.hue.line, 4 + level
    first, rest = (*across[:cut], weak), (weak, *across[cut:])
    axes.plot(first, [*upward[:cut], held], color=ink, lw=2.0, ls=curve.look.dash, zorder=over)
    axes.plot(rest, [held, *upward[cut:]], color=ink, lw=0.9, zorder=over)
    axes.plot(across[-1:], upward[-1:], "o", color=ink, ms=6, mec=CARD, mew=1, zorder=over)


def _fill(card: Card, axes: Axes, curves: Sequence[_Curve], area: _Area) -> None:
    """Fill the area between two lines, and write its name where it is high enough."""
    upper, lower = curves[area.upper], curves[area.lower]
    bottom, end = axes.get_ylim()[0], min(upper.end, lower.end)
    across = [at / 200 * end for at in range(201)]
    above, below = ([max(bottom, curve.at(x)) for x in across] for curve in (upper, lower))
    axes.fill_between(across, below, above, color=upper.look.hue.tint, linewidth=0, zorder=1)
    edges = [
        (on_card(card, axes, x, high), on_card(card, axes, x, low))
        for x, high, low in zip(across, above, below, strict=True)
    ]
    for lines in area.names:
        middle = _room_for(lines, edges)
        if middle is not None:
            top = middle[1] - 9 * (len(lines) - 1)
            for at, line in enumerate(lines):
                ink = upper.look.hue.ink
                card.text(middle[0], top + 18 * at, line, bold=True, ink=ink, align="center")
            return


def _room_for(lines: Sequence[str], edges: Sequence[tuple[Point, Point]]) -> Point | None:
    """Return the middle of the highest part of an area that is as wide as `lines`, if they fit.

    edges: points of the area's upper and lower edge, from left to right
    """
    half = max(text_width(line, 12, bold=True) for line in lines) / 2 + 10
    least, found = 18.0 * len(lines) + 16, None
    for (x, _), _ in edges:
        if not edges[0][0][0] <= x - half <= x + half <= edges[-1][0][0]:
            continue
        near = [pair for pair in edges if x - half <= pair[0][0] <= x + half]
        ceiling, ground = max(top[1] for top, _ in near), min(low[1] for _, low in near)
        if ground - ceiling > least:
            least, found = ground - ceiling, (x, (ceiling + ground) / 2)
    return found


def _label(card: Card, axes: Axes, curves: Sequence[_Curve], high: float) -> None:
    """Write the names on the right, each at the height where its line ends, or near it."""
    ends = [on_card(card, axes, curve.end, _ms(curve.latencies.largest_s)) for curve in curves]
    ys = spread([y for _, y in ends], _ROW, _TOP + 8, _TOP + high - 22)
    x = _LEFT + _WIDE + _LEAD
    for curve, end, y in zip(curves, ends, ys, strict=True):
        hue = curve.look.hue
        card.line([(end[0] + 6, end[1]), (x - 12, y), (x - 4, y)], hue.line, stroke=0.9, level=2)
        card.text(x, y, curve.name, bold=True, ink=hue.ink)
        card.text(x, y + 17, _numbers(curve), size=11, ink=SOFT)


def _numbers(curve: _Curve) -> str:
    half, most = (_in_ms(curve.latencies.percentile_s(each)) for each in (50, 99))
    return f"50 %: {half}, 99 %: {most}"


def _in_ms(seconds: float) -> str:
    value = 1000 * seconds
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.2g} ms"


_WIDEST: Final = "50 %: 0.00123 ms, 99.9 %: 0.00123 ms"
"""Room for any two times: saved pages are compared, so widths must not depend on them."""


def _label_width(curve: _Curve) -> float:
    numbers = (_numbers(curve), _WIDEST)
    return max(text_width(curve.name, 12, bold=True), *(text_width(each, 11) for each in numbers))
