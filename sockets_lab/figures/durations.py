"""How long something took, measured again and again: one strip of dots a way of doing it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import isfinite
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from sockets_lab.figures.canvas.card import Card, house_settings, text_width, wrap
from sockets_lab.figures.canvas.claims import JudgedClaim, draw_claims, height_of, in_times
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

    `groups` holds seconds by what was measured. The axis is logarithmic where the longest took
    twenty times as long as the shortest, or more.

    Times differ by the run, so the words tell none. What they tell is up to the caller: each of
    `claims` is (slow, factor, fast), "the median of slow is more than factor times that of fast",
    and the words say whether it is true here.

    Raises ValueError for no groups, for one without values, for values that are no durations, and
    for claims about groups that are not there.
    """
    measured = {label: _checked(label, values) for label, values in groups.items()}
    if not measured:
        raise ValueError("nothing to draw: give at least one group of durations, in seconds")
    rulings = [_ruling(claim, measured) for claim in claims]
    words = [f"durations, with their medians: {', '.join(measured)}", *map(str, rulings)]
    with house_settings():
        return Picture(_draw(measured, rulings, title), "\n".join(words))


_CLOCK_S = 1e-7
"""No clock here tells less apart; a duration of 0 is drawn as this."""


def _checked(label: str, values: Sequence[float]) -> list[float]:
    if not values:
        raise ValueError(f"no durations of {label!r}: measure it at least once")
    for value in values:
        if not (isfinite(value) and value >= 0):
            raise ValueError(f"a duration is some seconds from 0 upwards, not {value!r}")
    return [max(value, _CLOCK_S) for value in values]


def _ruling(claim: Claim, measured: _Groups) -> JudgedClaim:
    slow, factor, fast = claim
    for label in (slow, fast):
        if label not in measured:
            raise ValueError(f"no durations of {label!r}: there is {', '.join(measured)}")
    if not factor > 0:
        raise ValueError(f"a claim is (slow, factor, fast) with a factor above 0, not {claim!r}")
    more, less = median(measured[slow]), median(measured[fast])
    how = "longer than" if factor == 1 else f"more than {factor:g} times as long as"
    here = in_times(more, less, "as long")
    return JudgedClaim(f"{slow} takes {how} {fast}", more > factor * less, here)


# --- drawing ------------------------------------------------------------------------------------

_TOP, _STRIP, _WIDE, _DOT = 84.0, 56.0, 520.0, 6.0
_NOTE = "one dot a measurement; the bar marks the median"
_LOG = 20
"""From this ratio of the longest to the shortest on the axis is logarithmic."""


def _draw(measured: _Groups, rulings: Sequence[JudgedClaim], title: str) -> Figure:
    names = [text_width(line, 12, bold=True) for label in measured for line in _lines(label)]
    left = 24 + max(names) + 20
    bottom, right = _TOP + _STRIP * len(measured), left + _WIDE
    width = right + 12 + _told_width(measured) + 24
    card = Card(width, bottom + 62 + height_of(rulings, width), title, _NOTE)
    axes = _axes(card, (left, _TOP, _WIDE, bottom - _TOP), measured)
    for at, (label, values) in enumerate(measured.items()):
        y = _STRIP * (at + 0.5)
        _tell(card, _TOP + y, label, values, right + 12)
        _swarm(axes, y, values, role_hue(kind_of(label)))
        axes.axhline(y + _STRIP / 2, color=FAINT, linewidth=0.8, zorder=0)
    draw_claims(card, rulings, bottom + 57, width)
    return card.figure


def _lines(label: str) -> list[str]:
    return wrap(label, 190, 12)


def _axes(card: Card, place: tuple[float, float, float, float], measured: _Groups) -> Axes:
    """Return the axes, in milliseconds across and in pixels down."""
    every = [1000 * value for values in measured.values() for value in values]
    least, most = min(every), max(every)
    axes = card.axes(place, "time (ms)", "")
    axes.set_ylim(place[3], 0)
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


def _tell(card: Card, y: float, label: str, values: Sequence[float], right: float) -> None:
    """Write what a strip is left of it, and its median right of it."""
    lines = _lines(label)
    top = y - 8 * (len(lines) - 1)
    for at, line in enumerate(lines):
        card.text(24, top + 16 * at, line, bold=True, ink=ink_of(label))
    card.text(right, y - 9, f"{digits(1000 * median(values))} ms", bold=True)
    card.text(right, y + 9, f"measured {times(len(values))}", size=11, ink=SOFT)


def _told_width(measured: _Groups) -> float:
    """Return a width for any median: saved pages are compared, and so is their pictures' width."""
    counts = [text_width(f"measured {times(len(one))}", 11) for one in measured.values()]
    return max(*counts, text_width("0.00123 ms", 12, bold=True))


def _swarm(axes: Axes, y: float, values: Sequence[float], hue: Hue) -> None:
    """Draw the median, and the dots: those that would cover each other one above the other."""
    middle = 1000 * median(values)
    axes.plot([middle] * 2, [y - 24, y + 24], color=INK, linewidth=2.2, zorder=3)
    piles: dict[int, list[float]] = defaultdict(list)
    for value in values:  # in the order of measuring: a pile of sorted dots would lean
        across, _ = axes.transData.transform((1000 * value, y))
        piles[round(across / _DOT)].append(1000 * value)
    step = min(_DOT, 34 / max(map(len, piles.values())))
    for pile in piles.values():
        heights = [y + step * _shift(at) for at in range(len(pile))]
        axes.plot(pile, heights, "o", ms=4.4, color=hue.line, alpha=0.75, mew=0, zorder=4)


def _shift(at: int) -> int:
    """Return 0, 1, -1, 2, -2, ..."""
    return (at + 1) // 2 * (1 if at % 2 else -1)
