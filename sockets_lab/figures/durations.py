"""Durations measured many times: a strip of dots for each way of doing it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import isfinite
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from sockets_lab.figures.canvas.card import Card, house_settings, text_width, wrap
from sockets_lab.figures.canvas.claims import JudgedClaim, claims_height, draw_claims, times_as_much
from sockets_lab.figures.canvas.palette import (
    FAINT,
    INK,
    SOFT,
    Hue,
    ink_of,
    kind_of,
    role_hue,
)
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.figures.canvas.units import digits, times

__all__ = ["durations"]

Claim = tuple[str, float, str]
_Groups = Mapping[str, Sequence[float]]


def durations(
    groups: Mapping[str, Sequence[float]],
    *,
    claims: Sequence[Claim] = (),
    title: str = "How long it took",
) -> Picture:
    """Draw measured durations, a dot each, on one axis in milliseconds, with their medians.

    `groups` holds seconds by what was measured. The axis is logarithmic if the longest took twenty
    times as long as the shortest, or longer.

    Times differ from run to run, so the words contain none. Each of `claims` is (slow, factor,
    fast): "the median of slow is more than factor times that of fast", and the words say if it is
    true here.

    Raises ValueError for no groups, for one without values, for values that are not durations, and
    for claims about other groups.
    """
    measured = {label: _checked(label, values) for label, values in groups.items()}
    if not measured:
        raise ValueError("nothing to draw: give at least one group of durations, in seconds")
    judged = [_judge(claim, measured) for claim in claims]
    words = [f"durations, with their medians: {', '.join(measured)}", *map(str, judged)]
    with house_settings():
        return Picture(_draw(measured, judged, title), "\n".join(words))


_CLOCK_S = 1e-7
"""No clock here is finer; a duration of 0 is drawn as this."""


def _checked(label: str, values: Sequence[float]) -> list[float]:
    if not values:
        raise ValueError(f"no durations of {label!r}: measure it at least once")
    for value in values:
        if not (isfinite(value) and value >= 0):
            raise ValueError(f"a duration must be 0 seconds or more, not {value!r}")
    return [max(value, _CLOCK_S) for value in values]


def _judge(claim: Claim, measured: _Groups) -> JudgedClaim:
    slow, factor, fast = claim
    for label in (slow, fast):
        if label not in measured:
            raise ValueError(f"no durations of {label!r}: there is {', '.join(measured)}")
    if not factor > 0:
        raise ValueError(f"a claim is (slow, factor, fast) with a factor above 0, not {claim!r}")
    more, less = median(measured[slow]), median(measured[fast])
    how = "longer than" if factor == 1 else f"more than {factor:g} times as long as"
    here = times_as_much(more, less, "as long")
    return JudgedClaim(f"{slow} takes {how} {fast}", more > factor * less, here)


# --- drawing ------------------------------------------------------------------------------------

_TOP, _STRIP, _WIDE, _DOT = 84.0, 56.0, 520.0, 6.0
_NOTE = "one dot for each measurement; the bar marks the median"
_LOG = 20
"""The axis is logarithmic if the longest and the shortest have this ratio, or more."""


def _draw(measured: _Groups, claims: Sequence[JudgedClaim], title: str) -> Figure:
    names = [text_width(line, 12, bold=True) for label in measured for line in _lines(label)]
    left = 24 + max(names) + 20
    bottom, right = _TOP + _STRIP * len(measured), left + _WIDE
    width = right + 12 + _median_width(measured) + 24
    card = Card(width, bottom + 62 + claims_height(claims, width), title, _NOTE)
    axes = _axes(card, (left, _TOP, _WIDE, bottom - _TOP), measured)
    for at, (label, values) in enumerate(measured.items()):
        y = _STRIP * (at + 0.5)
        _label(card, _TOP + y, label, values, right + 12)
        _swarm(axes, y, values, role_hue(kind_of(label)))
        axes.axhline(y + _STRIP / 2, color=FAINT, linewidth=0.8, zorder=0)
    draw_claims(card, claims, bottom + 57, width)
    return card.figure


def _lines(label: str) -> list[str]:
    return wrap(label, 190, 12)


def _axes(card: Card, box: tuple[float, float, float, float], measured: _Groups) -> Axes:
    """Return the axes, in milliseconds across and in pixels down."""
    every = [1000 * value for values in measured.values() for value in values]
    least, most = min(every), max(every)
    axes = card.axes(box, "time (ms)", "")
    axes.set_ylim(box[3], 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if most >= _LOG * least:
        axes.set_xscale("log")
        axes.set_xlim(least / 1.6, most * 1.6)
        axes.xaxis.set_major_locator(LogLocator(numticks=9))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(f"{axes.get_xlabel()}, logarithmic")
    else:
        axes.set_xlim(0, most * 1.08)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    return axes


def _label(card: Card, y: float, label: str, values: Sequence[float], right: float) -> None:
    """Write the name of a strip on its left, and its median on its right."""
    lines = _lines(label)
    top = y - 8 * (len(lines) - 1)
    for at, line in enumerate(lines):
        card.text(24, top + 16 * at, line, bold=True, ink=ink_of(label))
    card.text(right, y - 9, f"{digits(1000 * median(values))} ms", bold=True)
    card.text(right, y + 9, f"measured {times(len(values))}", size=11, ink=SOFT)


def _median_width(measured: _Groups) -> float:
    """Return room for any median: saved pages are compared, so widths must not depend on it."""
    counts = [text_width(f"measured {times(len(one))}", 11) for one in measured.values()]
    return max(*counts, text_width("0.00123 ms", 12, bold=True))


def _swarm(axes: Axes, y: float, values: Sequence[float], hue: Hue) -> None:
    """Draw the median and the dots; dots that would cover each other are piled up."""
    middle = 1000 * median(values)
    axes.plot([middle] * 2, [y - 24, y + 24], color=INK, linewidth=2.2, zorder=3)
    piles: dict[int, list[float]] = defaultdict(list)
    for value in values:  # in the order they were measured in: a pile of sorted dots would lean
        across, _ = axes.transData.transform((1000 * value, y))
        piles[round(across / _DOT)].append(1000 * value)
    step = min(_DOT, 34 / max(map(len, piles.values())))
    for pile in piles.values():
        heights = [y + step * _shift(at) for at in range(len(pile))]
        axes.plot(pile, heights, "o", ms=4.4, color=hue.line, alpha=0.75, mew=0, zorder=4)


def _shift(at: int) -> int:
    """Return 0, 1, -1, 2, -2, ..."""
    return (at + 1) // 2 * (1 if at % 2 else -1)
