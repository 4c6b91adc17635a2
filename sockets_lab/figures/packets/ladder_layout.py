"""Layout of a ladder in CSS pixels: all positions, measured before anything is drawn.

From left to right: what was done, the time, and the lanes. The states of an end are on the side of
its lane that is away from its peer, so that arrows and their labels have the room between the two
ends of a connection.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sockets_lab.figures.canvas.card import pill_width, text_width, wrap
from sockets_lab.figures.canvas.palette import kind_of
from sockets_lab.figures.packets.ladder import Gap, Ladder, Rung, Stage

__all__ = [
    "BESIDE",
    "CLOCK",
    "HEAD",
    "LABEL",
    "LEAD",
    "NOTE",
    "SHORT",
    "SLANT",
    "TAG",
    "LadderLayout",
    "Spell",
    "make_layout",
    "neighbour",
    "time_of",
]

HEAD = 122.0
"""Height at which the lanes begin."""

SLANT = 12.0
"""How much lower an arrow ends, at the receiver, than it starts, at the sender."""

LABEL, TAG, LEAD = 11.0, 11.0, 16.0
NOTE = "time flows downwards, one arrow for each segment; heights are not to scale"

SHORT = 30.0
"""How far from the lane an arrow stops, if there was no answer."""

BESIDE = 14.0
"""Distance of a state from its lane."""

CLOCK = "time (ms)"

_RUNG, _GAP, _INSET, _STAGE = 42.0, 36.0, 24.0, 132.0
_APART, _CLOSE = 210.0, 170.0
"""Least distance of two peers' lanes in a picture of two lanes, and in one of more."""


class Spell(NamedTuple):
    """State of a role from one height to another."""

    role: str
    state: str
    top: float
    bottom: float


class LadderLayout(NamedTuple):
    """Positions of the parts of a ladder.

    By role: `lanes` are x positions, `lives` the heights where a lane starts and ends, `sides` the
    side of its states, -1 for left or 1 for right. `tops` are the heights of the stages, `rows`
    those of the segments (of the arrow's upper end) and gaps; `done` is what was done at each
    stage, in lines. `times` is the right edge of the column of times.
    """

    lanes: dict[str, float]
    sides: dict[str, int]
    lives: dict[str, tuple[float, float]]
    tops: list[float]
    rows: list[float]
    done: list[list[str]]
    spells: list[Spell]
    times: float
    width: float
    bottom: float


def make_layout(ladder: Ladder) -> LadderLayout:
    """Return the positions of everything in `ladder`."""
    done = [wrap(stage.words, _STAGE, TAG) if stage.words else [] for stage in ladder.stages]
    widest = max((text_width(line, TAG) for lines in done for line in lines), default=-24.0)
    clock = max(text_width(words, TAG) for words in [CLOCK, *map(time_of, ladder.rungs)])
    times = 24 + widest + 24 + clock
    sides = _sides(ladder)
    lanes, right = _across(ladder, sides, times + 22)
    tops, rows, bottom = _down(ladder.stages, done)
    spells = list(_spells(ladder, rows, bottom))
    lives = _lives(ladder, rows, spells, bottom)
    width = max(right + 24, 48 + text_width(NOTE, 12))
    return LadderLayout(lanes, sides, lives, tops, rows, done, spells, times, width, bottom)


def time_of(rung: Rung) -> str:
    """Return the time of a segment in milliseconds, with fewer decimals the later it was."""
    at_ms = rung.at_s * 1000
    return f"{at_ms:,.{2 if at_ms < 10 else 1 if at_ms < 100 else 0}f}"


# --- across -------------------------------------------------------------------------------------


def _sides(ladder: Ladder) -> dict[str, int]:
    """Return the side of each lane's states: away from its first peer."""
    sides: dict[str, int] = {}
    for rung in ladder.rungs:
        to_the_right = ladder.lanes.index(rung.receiver) > ladder.lanes.index(rung.sender)
        sides.setdefault(rung.sender, -1 if to_the_right else 1)
        sides.setdefault(rung.receiver, 1 if to_the_right else -1)
    return sides


def _across(ladder: Ladder, sides: dict[str, int], edge: float) -> tuple[dict[str, float], float]:
    """Return the x positions of the lanes, and the right edge of the last one with its states."""
    lanes: dict[str, float] = {}
    for before, role in zip((None, *ladder.lanes), ladder.lanes, strict=False):
        left, right = _room(ladder, role, sides[role])
        lanes[role] = edge + left
        if before:
            lanes[role] = max(lanes[role], lanes[before] + _arrows(ladder, before, role))
        edge = lanes[role] + right
    return lanes, edge


def _room(ladder: Ladder, role: str, side: int) -> tuple[float, float]:
    """Return the room that a lane needs on its left and right, without the arrows."""
    header = (text_width(role, 12, bold=True) + 22) / 2 + 8
    states = {rung.changes[role] for rung in ladder.rungs if role in rung.changes}
    widest = max([header, *(BESIDE + pill_width(state) + 10 for state in states)])
    return (widest, header) if side < 0 else (header, widest)


def _arrows(ladder: Ladder, left: str, right: str) -> float:
    """Return the distance that two lanes need for the labels between them."""
    labels = [
        text_width(row.label, LABEL, bold=True) + 72 + _short_of(row)
        for row in ladder.rows
        if {left, right} == {row.sender, neighbour(ladder.lanes, row)}
    ]
    least = _APART if len(ladder.lanes) == 2 else _CLOSE
    return max(least, *labels) if labels else 0.0


def _short_of(row: Rung | Gap) -> float:
    return SHORT if isinstance(row, Rung) and row.unanswered else 0.0


def neighbour(lanes: tuple[str, ...], row: Rung | Gap) -> str:
    """Return the lane next to the sender's, towards the receiver: the label is between them."""
    start, end = lanes.index(row.sender), lanes.index(row.receiver)
    return lanes[start + (1 if end > start else -1)]


# --- down ---------------------------------------------------------------------------------------


def _down(stages: list[Stage], done: list[list[str]]) -> tuple[list[float], list[float], float]:
    """Return the heights of the stages, of their rows, and of the end."""
    tops: list[float] = []
    rows: list[float] = []
    y = HEAD + 8
    for stage, lines in zip(stages, done, strict=True):
        tops.append(y)
        at = y + _INSET
        for row in stage.rows:
            rows.append(at)
            at += _RUNG if isinstance(row, Rung) else _GAP
        y = max(at - _INSET + 10, y + LEAD * len(lines) + 24)
    return tops, rows, y + 6


def _spells(ladder: Ladder, rows: list[float], bottom: float) -> Iterator[Spell]:
    """Yield the states: a sender's starts where its arrow does, a receiver's where it ends."""
    since: dict[str, tuple[str, float]] = {}
    for row, y in zip(ladder.rows, rows, strict=True):
        for role, state in (row.changes if isinstance(row, Rung) else {}).items():
            height = y if role == row.sender else y + SLANT
            if state == "LISTEN":
                height = HEAD + 16  # it was listening before, too
            if role in since:
                yield Spell(role, *since[role], height)
            since[role] = (state, height)
    for role, (state, height) in since.items():
        yield Spell(role, state, height, bottom)


def _lives(
    ladder: Ladder, rows: list[float], spells: list[Spell], bottom: float
) -> dict[str, tuple[float, float]]:
    """Return where lanes start and end: a connection's at its first segment, any at CLOSED."""
    seen: dict[str, list[float]] = {}
    for row, y in zip(ladder.rows, rows, strict=True):
        seen.setdefault(row.sender, []).append(y)
        seen.setdefault(row.receiver, []).append(y + SLANT)
    last = {spell.role: spell.state for spell in spells}
    return {
        role: (
            min(heights) if kind_of(role) == "connection" else HEAD,
            max(heights) if last.get(role) == "CLOSED" else bottom,
        )
        for role, heights in seen.items()
    }
