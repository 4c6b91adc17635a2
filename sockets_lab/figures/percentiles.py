"""Distributions of latency, drawn so that the tail has as much room as the rest.

Across stands the share of the messages, on an axis of nines: 90 %, 99 % and 99.9 % are as far from
each other, since each has ten times fewer messages left beyond it. Upwards stands the latency,
logarithmic. A line thins where fewer than ten messages are left: there it is chance that draws.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import floor, log10
from typing import TYPE_CHECKING, Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from sockets_lab.figures.canvas.card import Card, Point, text_width
from sockets_lab.figures.canvas.claims import JudgedClaim, draw_claims, height_of
from sockets_lab.figures.canvas.log_axis import log_axis
from sockets_lab.figures.canvas.palette import CARD, SOFT
from sockets_lab.figures.canvas.series import Look, spread

if TYPE_CHECKING:  # a picture of something else should not pay for it
    from sockets_lab.load import Latencies

__all__ = ["Curve", "Gap", "draw_curves", "name_of", "nines"]


class Curve(NamedTuple):
    """One line: its `name` and look, and what it draws, also as the corners of a line of steps.

    `across` are places on the axis of nines, `upward` latencies in milliseconds.
    """

    name: str
    latencies: "Latencies"
    look: Look
    across: Sequence[float]
    upward: Sequence[float]

    @classmethod
    def of(cls, name: str, latencies: "Latencies", look: Look) -> "Curve":
        """Each latency holds from the share of the messages before it to its own."""
        end = log10(max(2, latencies.count)) + _STUB
        across, upward = [0.0], []
        for step in latencies.steps():
            x = end if step.share >= 1 else min(nines(step.share), end)
            upward += [_ms(step.latency_s)] * 2
            across += [x, x]
        return cls(name, latencies, look, across[:-1], upward)

    @property
    def end(self) -> float:
        """Where on the axis of nines its longest message stands."""
        return self.across[-1]

    def at(self, x: float) -> float:
        """The latency, in milliseconds, at a place on the axis of nines."""
        return self.upward[min(bisect_left(self.across, x), len(self.upward) - 1)]


class Gap(NamedTuple):
    """The area between two of the lines, and what it is called: the first of `words` that fits,
    each some lines of them.
    """

    upper: int
    lower: int
    words: Sequence[Sequence[str]]


_LEFT, _TOP, _WIDE, _HIGH = 92.0, 84.0, 500.0, 320.0
_ROW, _LEAD = 40.0, 26.0
_STUB: Final = 0.08
_FEW: Final = 10
_ACROSS: Final = "share of messages that took no longer; from 90 % on, each step leaves a tenth"
_NOTE: Final = "lines are thin where fewer than ten messages took longer; a dot marks the longest"


def nines(share: float) -> float:
    """Where a share of the messages stands: 0 for none, 1 for 90 %, 2 for 99 % and so on."""
    return -log10(1 - share)


def name_of(percent: float) -> str:
    """What a percentile is called: "the median", "the 99th percentile", "the longest"."""
    if percent in (50, 100):
        return "the median" if percent == 50 else "the longest"
    whole = f"{percent:g}"
    ending = "th" if whole[-2:] in ("11", "12", "13") else _ENDINGS.get(whole[-1], "th")
    return f"the {whole}{ending} percentile"


_ENDINGS: Final = {"1": "st", "2": "nd", "3": "rd"}


def draw_curves(
    curves: Sequence[Curve], rulings: Sequence[JudgedClaim], title: str, gap: Gap | None = None
) -> Figure:
    """Draw the lines, their names with median and 99th percentile, and the rulings below."""
    high = max(_HIGH, _ROW * len(curves))
    right = _LEFT + _WIDE
    width = right + _LEAD + max(map(_label_width, curves)) + 24
    bottom = _TOP + high + 62
    card = Card(width, bottom + height_of(rulings, width), title, _NOTE)
    axes = _axes(card, (_LEFT, _TOP, _WIDE, high), curves)
    for level, curve in enumerate(curves):
        _plot(axes, curve, level)
    if gap is not None:
        _fill(card, axes, curves, gap)
    _label(card, axes, curves, high)
    draw_claims(card, rulings, bottom - 8, width)
    return card.figure


def _axes(card: Card, place: tuple[float, float, float, float], curves: Sequence[Curve]) -> Axes:
    axes = card.axes(place, _ACROSS, "latency (ms), logarithmic")
    furthest = max(curve.end for curve in curves)
    axes.set_xlim(0, furthest + 0.06)
    shares = [0.5, *(1 - 10.0**-count for count in range(1, floor(furthest) + 1))]
    if 0.301 * place[2] / furthest > 40:
        shares.insert(0, 0.0)
    axes.set_xticks([nines(share) for share in shares], [_percent(share) for share in shares])
    most = max(_ms(curve.latencies.largest_s) for curve in curves)
    log_axis(axes, "y", _least(curves) / 1.6, most * 1.6)
    axes.xaxis.set_minor_locator(NullLocator())
    return axes


def _least(curves: Sequence[Curve]) -> float:
    """Where the axis begins: few messages are faster, and they would take half of it."""
    return min(_ms(curve.latencies.percentile_s(1)) for curve in curves)


def _percent(share: float) -> str:
    return f"{100 * share:.6g} %"


def _ms(latency_s: float) -> float:
    return max(1000 * latency_s, 1e-4)  # no clock here tells less


def _plot(axes: Axes, curve: Curve, level: int) -> None:
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


def _fill(card: Card, axes: Axes, curves: Sequence[Curve], gap: Gap) -> None:
    """Fill the area between two lines, and write in it what it is, where it is high enough."""
    upper, lower = curves[gap.upper], curves[gap.lower]
    bottom, end = axes.get_ylim()[0], min(upper.end, lower.end)
    across = [at / 200 * end for at in range(201)]
    above, below = ([max(bottom, curve.at(x)) for x in across] for curve in (upper, lower))
    axes.fill_between(across, below, above, color=upper.look.hue.tint, linewidth=0, zorder=1)
    places = [
        (_place(card, axes, x, high), _place(card, axes, x, low))
        for x, high, low in zip(across, above, below, strict=True)
    ]
    for lines in gap.words:
        middle = _room_for(lines, places)
        if middle is not None:
            top = middle[1] - 9 * (len(lines) - 1)
            for at, line in enumerate(lines):
                ink = upper.look.hue.ink
                card.text(middle[0], top + 18 * at, line, bold=True, ink=ink, align="center")
            return


def _room_for(lines: Sequence[str], places: Sequence[tuple[Point, Point]]) -> Point | None:
    """The middle of where an area is highest over the width of some lines, if they fit there.

    places: points of its upper and its lower edge, from left to right
    """
    half = max(text_width(line, 12, bold=True) for line in lines) / 2 + 10
    least, found = 18.0 * len(lines) + 16, None
    for (x, _), _ in places:
        if not places[0][0][0] <= x - half <= x + half <= places[-1][0][0]:
            continue
        under = [edges for edges in places if x - half <= edges[0][0] <= x + half]
        ceiling, ground = max(top[1] for top, _ in under), min(low[1] for _, low in under)
        if ground - ceiling > least:
            least, found = ground - ceiling, (x, (ceiling + ground) / 2)
    return found


def _place(card: Card, axes: Axes, x: float, y: float) -> Point:
    """Where a point of the axes stands on the card, in CSS pixels."""
    dots = axes.transData.transform((x, y))
    return (float(dots[0]), card.height - float(dots[1]))


def _label(card: Card, axes: Axes, curves: Sequence[Curve], high: float) -> None:
    """Write the names at the right, each at the height where its line ends, or near it."""
    ends = [_place(card, axes, curve.end, _ms(curve.latencies.largest_s)) for curve in curves]
    ys = spread([y for _, y in ends], _ROW, _TOP + 8, _TOP + high - 22)
    x = _LEFT + _WIDE + _LEAD
    for curve, end, y in zip(curves, ends, ys, strict=True):
        hue = curve.look.hue
        card.line([(end[0] + 6, end[1]), (x - 12, y), (x - 4, y)], hue.line, stroke=0.9, level=2)
        card.text(x, y, curve.name, bold=True, ink=hue.ink)
        card.text(x, y + 17, _told(curve), size=11, ink=SOFT)


def _told(curve: Curve) -> str:
    half, most = (_in_ms(curve.latencies.percentile_s(each)) for each in (50, 99))
    return f"50 %: {half}, 99 %: {most}"


def _in_ms(seconds: float) -> str:
    value = 1000 * seconds
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.2g} ms"


_WIDEST: Final = "50 %: 0.00123 ms, 99.9 %: 0.00123 ms"
"""Room for any two times: saved pages are compared, and so is their pictures' width."""


def _label_width(curve: Curve) -> float:
    told = (_told(curve), _WIDEST)
    return max(text_width(curve.name, 12, bold=True), *(text_width(words, 11) for words in told))
