"""Lines of one picture told apart: by hue, by dash and marker, and by a name at their end.

A server model that the course builds has the same look in every picture; other names take the looks
that are left, in their order.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sockets_lab.figures.canvas.palette import INK, Hue, role_hue

__all__ = ["MOST_LINES", "Dash", "Look", "looks_of", "spread"]

Dash = str | tuple[int, tuple[float, ...]]


class Look(NamedTuple):
    """How one line looks: its `hue`, its `dash` as matplotlib wants it, and its `marker`."""

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
    """A look for each of the names; ValueError for more than can be told apart."""
    if len(names) > MOST_LINES:
        raise ValueError(
            f"{len(names)} lines cannot be told apart: draw at most {MOST_LINES} in one picture"
        )
    left = iter(look for name, look in _LOOKS.items() if name not in names)
    return {name: _LOOKS[name] if name in _LOOKS else next(left) for name in names}


def spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Places near the `wanted` ones, at least `apart` from each other, between `low` and `high`.

    They keep their order. Where there is no room for all, they go on beyond `high`.
    """
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    places = [0.0] * len(wanted)
    floor = low
    for at in order:
        places[at] = floor = max(wanted[at], floor)
        floor += apart
    ceiling = high
    for at in reversed(order):
        places[at] = ceiling = min(places[at], ceiling)
        ceiling -= apart
    shift = max(0.0, low - min(places, default=low))
    return [place + shift for place in places]
