"""Connects that complete for each backlog when the server does not accept."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sockets_lab.figures.canvas.card import Card, Point, house_settings
from sockets_lab.figures.canvas.palette import CARD, SOFT, role_hue
from sockets_lab.figures.canvas.picture import Picture

__all__ = ["completed_by_backlog"]

_BOX = (74.0, 84.0, 470.0, 330.0)


def completed_by_backlog(
    rows: Sequence[tuple[int, int]], *, title: str = "What the backlog lets in"
) -> Picture:
    """Draw measured pairs of (backlog, completed connects) over the line "backlog + 1".

    `rows` are such pairs, in any order, at least one. On Linux the points lie on the line: the
    kernel refuses a connection when the accept queue is above its limit, not when it is at it.

    Raises ValueError for no rows, and for a row that is not a pair of integers, 0 or more.
    """
    pairs = [_checked(row) for row in rows]
    if not pairs:
        raise ValueError("nothing to draw: give at least one pair (backlog, completed connects)")
    with house_settings():
        return Picture(_draw(sorted(pairs), title), _words(pairs))


def _checked(row: object) -> tuple[int, int]:
    if not isinstance(row, tuple | list) or len(row) != 2:
        raise ValueError(f"a row must be a pair (backlog, completed connects), not {row!r}")
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in row):
        raise ValueError(f"a row must hold two integers, 0 or more, not {row!r}")
    return (row[0], row[1])


def _words(pairs: Sequence[tuple[int, int]]) -> str:
    words = "; ".join(
        f"backlog {backlog}: {done} connect{'s' * (done != 1)} completed" for backlog, done in pairs
    )
    off = [backlog for backlog, done in pairs if done != backlog + 1]
    if not off:
        return f"{words}; always backlog + 1"
    return f"{words}; not backlog + 1 at backlog {', '.join(map(str, off))}"


def _draw(pairs: Sequence[tuple[int, int]], title: str) -> Figure:
    left, top, width, height = _BOX
    card = Card(left + width + 40, top + height + 64, title, _NOTE)
    axes = card.axes(_BOX, "backlog asked for in listen(backlog)", "connects that completed")
    scale = _Scale.around(pairs)
    axes.set_xlim(scale.left, scale.right)
    axes.set_ylim(0, scale.ceiling)
    _ticks(axes, pairs)
    ends = [0, scale.right]
    axes.plot(ends, [x + 1 for x in ends], color=SOFT, linewidth=1.3, linestyle=(0, (5, 3)))
    hue = role_hue("connection")
    across, upward = zip(*pairs, strict=True)
    axes.plot(across, upward, "o", ms=9, color=hue.line, mec=CARD, mew=1.5, zorder=4, clip_on=False)
    _label(card, pairs, scale)
    return card.figure


class _Scale(NamedTuple):
    """Ends of the axes, with room for whole points inside."""

    left: float
    right: float
    ceiling: float

    @classmethod
    def around(cls, pairs: Sequence[tuple[int, int]]) -> "_Scale":
        furthest = max(1, *(backlog for backlog, _ in pairs))
        highest = max(furthest + 1, *(done for _, done in pairs))
        return cls(-0.09 * furthest, 1.06 * furthest, 1.12 * highest)

    def position(self, backlog: float, done: float) -> Point:
        """Return where a pair is on the card, in CSS pixels."""
        left, top, width, height = _BOX
        across = (backlog - self.left) / (self.right - self.left)
        return (left + width * across, top + height * (1 - done / self.ceiling))


_NOTE = "green points: measured here; dashed line: computed"


def _ticks(axes: Axes, pairs: Sequence[tuple[int, int]]) -> None:
    axes.set_xticks(_separate(sorted({backlog for backlog, _ in pairs}), 16))
    axes.set_yticks(_separate(sorted({0, *(done for _, done in pairs)}), 14))


def _separate(ticks: Sequence[int], most: int) -> list[int]:
    """Return the ticks without those whose numbers would be written over another."""
    least = (ticks[-1] - ticks[0]) / most
    kept: list[int] = []
    for tick in ticks:
        if not kept or tick - kept[-1] >= least:
            kept.append(tick)
    return kept


def _label(card: Card, pairs: Sequence[tuple[int, int]], scale: _Scale) -> None:
    """Write each count above its point, on the left, and the line's name beside the line."""
    hue, last = role_hue("connection"), -100.0
    for backlog, done in pairs:
        x, y = scale.position(backlog, done)
        if x - last >= 24:
            card.text(x - 9, y - 13, f"{done}", bold=True, ink=hue.ink, align="right")
            last = x
    x, y = scale.position(0.55 * scale.right, 0.55 * scale.right + 1)
    card.text(x + 12, y + 18, "backlog + 1", ink=SOFT)
