"""From captured segments to a ladder: lanes, stages, and what each segment changed.

Nothing is drawn here. A long transfer is shortened: of segments that only carry bytes or
acknowledge some, one after the other, the first and the last ones stay.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from sockets_lab.figures.canvas.palette import kind_of
from sockets_lab.figures.canvas.units import many

__all__ = ["Gap", "Ladder", "Rung", "SegmentRecord", "Stage", "make_ladder"]

States = Sequence[Mapping[str, str]]

_LONG, _FIRST, _LAST = 10, 3, 2
"""A run longer than this is shortened to so many at its start and at its end."""


class SegmentRecord(Protocol):
    """What a picture asks of a captured segment; `sockets_lab.capture.Segment` has it all."""

    @property
    def at_s(self) -> float: ...
    @property
    def sender(self) -> str: ...
    @property
    def receiver(self) -> str: ...
    @property
    def flags(self) -> str: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def again(self) -> bool: ...


class StepRecord(Protocol):
    """What was done before `segments` segments had passed, in words."""

    @property
    def words(self) -> str: ...
    @property
    def segments(self) -> int: ...


class Rung(NamedTuple):
    """One segment; `changes` are the TCP states that it led to, by role."""

    at_s: float
    sender: str
    receiver: str
    flags: str
    nbytes: int
    again: bool
    changes: dict[str, str]

    @property
    def unanswered(self) -> bool:
        """Whether it asked for a connection, and the listener's kernel threw it away."""
        return self.flags == "SYN" and kind_of(self.receiver) == "listener"

    @property
    def steers(self) -> bool:
        """Whether it begins or ends something, rather than carry bytes or acknowledge them."""
        return not {"SYN", "FIN", "RST"}.isdisjoint(self.flags.split())

    @property
    def label(self) -> str:
        said = [self.flags or "no flag", *[many(self.nbytes, "byte")] * bool(self.nbytes)]
        return ", ".join([*said, *["again"] * self.again, *["no answer"] * self.unanswered])


class Gap(NamedTuple):
    """Segments that are left out between two ends, and the bytes that they carried."""

    sender: str
    receiver: str
    segments: int
    nbytes: int

    @property
    def label(self) -> str:
        carried = f", {many(self.nbytes, 'byte')}" if self.nbytes else ""
        return f"{many(self.segments, 'segment')} more{carried}"


class Stage(NamedTuple):
    """What somebody did, in words ("" if nobody said), and the segments that it led to."""

    words: str
    rows: list[Rung | Gap]


class Ladder(NamedTuple):
    """`lanes` are the roles from left to right, each end beside the one that it talks to."""

    lanes: tuple[str, ...]
    stages: list[Stage]

    @property
    def rows(self) -> list[Rung | Gap]:
        return [row for stage in self.stages for row in stage.rows]

    @property
    def rungs(self) -> list[Rung]:
        return [row for row in self.rows if isinstance(row, Rung)]


def make_ladder(
    segments: Sequence[SegmentRecord], states: States | None, steps: Iterable[StepRecord]
) -> Ladder:
    """Return the ladder of `segments`; ValueError when `states` are not one for each."""
    rungs = list(_rungs(segments, states if states is not None else [{}] * len(segments)))
    return Ladder(_lanes(rungs), list(_stages(rungs, steps)))


def _rungs(segments: Sequence[SegmentRecord], states: States) -> Iterator[Rung]:
    if len(states) != len(segments):
        raise ValueError(
            f"states of {len(states)} segments for a capture of {len(segments)}: "
            "give states(capture) of the same capture"
        )
    before: Mapping[str, str] = {}
    for one, after in zip(segments, states, strict=True):
        changes = {role: state for role, state in after.items() if before.get(role) != state}
        yield Rung(one.at_s, one.sender, one.receiver, one.flags, one.nbytes, one.again, changes)
        before = after


def _lanes(rungs: Iterable[Rung]) -> tuple[str, ...]:
    """Return each client with its connection beside it, and then whom else it talked to."""
    others: dict[str, dict[str, None]] = {}
    for rung in rungs:
        ends = sorted((rung.sender, rung.receiver), key=lambda role: kind_of(role) != "client")
        others.setdefault(ends[0], {})[ends[1]] = None
    lanes: dict[str, None] = {}
    for client, partners in others.items():
        lanes[client] = None
        lanes |= dict.fromkeys(sorted(partners, key=lambda role: kind_of(role) == "listener"))
    return tuple(lanes)


def _stages(rungs: Sequence[Rung], steps: Iterable[StepRecord]) -> Iterator[Stage]:
    """Yield the stages; a step tells what has been done before it was written down."""
    start = 0
    for step in steps:
        yield Stage(step.words, list(_shortened(rungs[start : step.segments])))
        start = max(start, step.segments)
    if rungs[start:]:
        yield Stage("", list(_shortened(rungs[start:])))


def _shortened(rungs: Sequence[Rung]) -> Iterator[Rung | Gap]:
    for _, group in groupby(rungs, key=_talk):
        run = list(group)
        if len(run) <= _LONG:
            yield from run
        else:
            between = run[_FIRST:-_LAST]
            yield from run[:_FIRST]
            carried = sum(rung.nbytes for rung in between)
            yield Gap(run[0].sender, run[0].receiver, len(between), carried)
            yield from run[-_LAST:]


def _talk(rung: Rung) -> object:
    """Return what tells segments apart that belong to one transfer: each other one is alone."""
    dull = not rung.steers and not rung.changes
    return frozenset((rung.sender, rung.receiver)) if dull else id(rung)
