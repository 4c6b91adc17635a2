"""Costs as ratios to one of them: for each, the median and the quartiles."""

from collections.abc import Mapping
from math import isfinite

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from sockets_lab.figures.canvas.card import Card, house_settings, text_width
from sockets_lab.figures.canvas.palette import FAINT, INK, SOFT, role_hue
from sockets_lab.figures.canvas.picture import Picture

__all__ = ["cost_ratios"]

Spread = tuple[float, float, float]
_SPREAD = "(lower quartile, median, upper quartile)"


def cost_ratios(
    rows: Mapping[str, Spread], *, base: str, title: str, across: str = "times the cost"
) -> Picture:
    """Draw ratios (lower quartile, median, upper quartile) by what was measured, lowest first.

    base: the name of what has the ratio 1, where a line is drawn
    across: what the axis shows

    The words contain the numbers. So draw results that were recorded once: a cell that measures
    would give other words on every run.

    Raises ValueError for no rows, and for ratios that are not above 0 or not in order.
    """
    if not rows:
        raise ValueError("nothing to draw: give at least one ratio")
    for name, spread in rows.items():
        low, median, high = spread
        if not (all(map(isfinite, spread)) and 0 < low <= median <= high):
            raise ValueError(f"{name!r} has {tuple(spread)!r}: give {_SPREAD}, above 0")
    ordered = dict(sorted(rows.items(), key=lambda row: row[1][1]))
    words = [f"{across}, in times of {base}: the median (and the middle half of the measurements)"]
    words += [f"{name}: {_in_words(spread)}" for name, spread in ordered.items()]
    with house_settings():
        return Picture(_draw(ordered, base, title, across), "\n".join(words))


def _in_words(spread: Spread) -> str:
    low, median, high = spread
    return f"{median:.2f} ({low:.2f} to {high:.2f})"


# --- drawing ------------------------------------------------------------------------------------

_TOP, _ROW, _WIDE = 84.0, 34.0, 420.0
_NOTE = "dot: the median of all rounds; bar: the middle half of the rounds"
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def _draw(rows: Mapping[str, Spread], base: str, title: str, across: str) -> Figure:
    left = 24 + max(text_width(name, 12, bold=True) for name in rows) + 18
    right = left + _WIDE + 14
    room = max(text_width(_in_words(spread), 12) for spread in rows.values())
    high = _ROW * len(rows)
    card = Card(right + room + 24, _TOP + high + 66, title, _NOTE)
    axes = _axes(card, (left, _TOP, _WIDE, high), rows, f"{across}, in times of {base}")
    hue = role_hue("connection")
    for at, (name, (low, median, top)) in enumerate(rows.items()):
        y = _ROW * (at + 0.5)
        card.text(24, _TOP + y, name, bold=True)
        card.text(right, _TOP + y, _in_words((low, median, top)), ink=INK)
        axes.axhline(y + _ROW / 2, color=FAINT, linewidth=0.8, zorder=0)
        axes.plot([low, top], [y, y], color=hue.line, linewidth=5, alpha=0.45, zorder=3)
        axes.plot([median], [y], "o", color=hue.line, ms=8, mew=0, zorder=4)
    return card.figure


def _axes(
    card: Card, box: tuple[float, float, float, float], rows: Mapping[str, Spread], across: str
) -> Axes:
    axes = card.axes(box, f"{across}, logarithmic", "")
    least = min(1.0, *(low for low, _, _ in rows.values()))
    most = max(1.0, *(high for _, _, high in rows.values()))
    axes.set_xscale("log")
    axes.set_xlim(least / 1.25, max(most * 1.25, 2.2))
    axes.set_ylim(box[3], 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(1, color=SOFT, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if low <= tick <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    return axes
