"""Logarithmic axes, and lines on axes that differ in hue, dash and marker, each named at its end.

A server model that the course builds has the same look in every picture. Other names take the looks
that are left, in order.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from sockets_lab.figures.canvas.card import Card, Point
from sockets_lab.figures.canvas.palette import INK, Hue, role_hue

__all__ = ["MOST_LINES", "Dash", "Look", "log_axis", "looks_of", "on_card", "spread"]

Dash = str | tuple[int, tuple[float, ...]]

_DECADES = 100
"""An axis whose ends have this ratio or more needs only powers of ten."""


class Look(NamedTuple):
    """Look of one line: its `hue`, its `dash` as matplotlib wants it, and its `marker`."""

    hue: Hue
    dash: Dash
    marker: str


_DASHED: Final = (0, (5.0, 1.8))
_DOTTED: Final = (0, (1.4, 1.4))
_MIXED: Final = (0, (6.0, 1.6, 1.4, 1.6))

_LOOKS: Final = {
    "selectors_loop": Look(role_hue("client"), "solid", "o"),
    "threaded": Look(role_hue("listener"), "solid", "s"),
    "asyncio_streams": Look(role_hue("connection"), "solid", "^"),
    "preforked": Look(role_hue("datagram"), "solid", "D"),
    "epoll_loop": Look(Hue("#3d9bd6", "#1b628f", "#e6f3fb"), _DASHED, "v"),
    "pooled": Look(Hue("#c98a00", "#7d5500", "#fbf1dc"), _DASHED, "P"),
    "coroutine_loop": Look(Hue("#2f6b3a", "#24542d", "#e3efe5"), _DASHED, "X"),
    "serial": Look(Hue("#7a8290", "#4a515e", "#eef0f3"), _DOTTED, "h"),
    "trio_streams": Look(Hue("#3a4150", INK, "#e7e9ed"), _MIXED, "p"),
}

MOST_LINES: Final = len(_LOOKS)


def looks_of(names: Sequence[str]) -> dict[str, Look]:
    """Return a different look for each of `names`; ValueError for more names than looks."""
    if len(names) > MOST_LINES:
        raise ValueError(
            f"{len(names)} lines would look too alike: draw at most {MOST_LINES} in one picture"
        )
    left = iter(look for name, look in _LOOKS.items() if name not in names)
    return {name: _LOOKS[name] if name in _LOOKS else next(left) for name in names}


def log_axis(axes: Axes, which: Literal["x", "y"], low: float, high: float) -> tuple[float, float]:
    """Make an axis logarithmic, with round numbers on it, and return its ends.

    They are `low` and `high`, or further apart, the same on both sides, to make a decade.
    """
    if high < 10 * low:
        spare = (10 * low / high) ** 0.5
        low, high = low / spare, high * spare
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    subs = (1.0,) if high > _DECADES * low else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(subs=subs, numticks=9))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())
    return low, high


def on_card(card: Card, axes: Axes, x: float, y: float) -> Point:
    """Return where a point of the axes is on the card, in CSS pixels."""
    dots = axes.transData.transform((x, y))
    return (float(dots[0]), card.height - float(dots[1]))


def spread(wanted: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Return positions near the `wanted` ones, in the same order, from `low` to `high`.

    They are `least` apart or more. Without enough room for that, they go on beyond `high`.
    """
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    positions = [0.0] * len(wanted)
    floor = low
    for at in order:
        positions[at] = floor = max(wanted[at], floor)
        floor += least
    ceiling = high
    for at in reversed(order):
        positions[at] = ceiling = min(positions[at], ceiling)
        ceiling -= least
    shift = max(0.0, low - min(positions, default=low))
    return [position + shift for position in positions]
