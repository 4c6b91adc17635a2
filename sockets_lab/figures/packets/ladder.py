"""Ladder of captured segments: its lanes, its stages, and the states that each segment changed.

Nothing is drawn here. A long transfer is shortened: in a run of segments that only carry bytes or
acknowledge them, the first and the last ones are kept.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from sockets_lab.figures.canvas.palette import kind_of
from sockets_lab.figures.canvas.units import many

__all__ = ["Gap", "Ladder", "Rung", "SegmentRecord", "Stage", "make_ladder"]

States = Sequence[Mapping[str, str]]

_LONG, _FIRST, _LAST = 10, 3, 2
"""Longest run that is not shortened, and what is kept at the start and the end of a longer one."""


class SegmentRecord(Protocol):
    """Fields of a captured segment that are drawn; `sockets_lab.capture.Segment` has them."""

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
    """Mark in a capture: what was done, in words, and the segments captured until then."""

    @property
    def words(self) -> str: ...
    @property
    def segments(self) -> int: ...


class Rung(NamedTuple):
    """One segment; `changes` are the TCP states that it changed, by role."""

    at_s: float
    sender: str
    receiver: str
    flags: str
    nbytes: int
    again: bool
    changes: dict[str, str]

    @property
    def unanswered(self) -> bool:
        """Return True for a SYN that the listener's kernel dropped."""
        return self.flags == "SYN" and kind_of(self.receiver) == "listener"

    @property
    def opens_or_closes(self) -> bool:
        """Return True for SYN, FIN and RST; others carry bytes or acknowledge them."""
        return not {"SYN", "FIN", "RST"}.isdisjoint(self.flags.split())

    @property
    def label(self) -> str:
        """Return its flags and number of bytes: "PSH ACK, 5 bytes", "SYN, again, no answer"."""
        words = [self.flags or "no flag", *[many(self.nbytes, "byte")] * bool(self.nbytes)]
        return ", ".join([*words, *["again"] * self.again, *["no answer"] * self.unanswered])


class Gap(NamedTuple):
    """Segments between two ends that are left out, and the bytes that they carried."""

    sender: str
    receiver: str
    segments: int
    nbytes: int

    @property
    def label(self) -> str:
        """Return how much is left out: "76 more segments, 38,000 bytes"."""
        carried = f", {many(self.nbytes, 'byte')}" if self.nbytes else ""
        return f"{many(self.segments, 'more segment')}{carried}"


class Stage(NamedTuple):
    """What was done, in words ("" if not marked), and the segments that it caused."""

    words: str
    rows: list[Rung | Gap]


class Ladder(NamedTuple):
    """Lanes and stages; `lanes` are roles from left to right, each end beside its peer."""

    lanes: tuple[str, ...]
    stages: list[Stage]

    @property
    def rows(self) -> list[Rung | Gap]:
        """Return the segments and gaps of all stages."""
        return [row for stage in self.stages for row in stage.rows]

    @property
    def rungs(self) -> list[Rung]:
        """Return the segments of all stages."""
        return [row for row in self.rows if isinstance(row, Rung)]


def make_ladder(
    segments: Sequence[SegmentRecord], states: States | None, steps: Iterable[StepRecord]
) -> Ladder:
    """Return the ladder of `segments`; ValueError if `states` are not one for each."""
    rungs = list(_rungs(segments, states if states is not None else [{}] * len(segments)))
    return Ladder(_lanes(rungs), list(_stages(rungs, steps)))


def _rungs(segments: Sequence[SegmentRecord], states: States) -> Iterator[Rung]:
    if len(states) != len(segments):
        raise ValueError(
            f"{len(states)} states for {len(segments)} segments: "
            "give states(capture) of the same capture"
        )
    before: Mapping[str, str] = {}
    for one, after in zip(segments, states, strict=True):
        changes = {role: state for role, state in after.items() if before.get(role) != state}
        yield Rung(one.at_s, one.sender, one.receiver, one.flags, one.nbytes, one.again, changes)
        before = after


def _lanes(rungs: Iterable[Rung]) -> tuple[str, ...]:
    """Return each client with its connection beside it, then its other peers."""
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
    """Yield the stages; a step ends a stage: it marks what was done until then."""
    start = 0
    for step in steps:
        yield Stage(step.words, list(_shortened(rungs[start : step.segments])))
        start = max(start, step.segments)
    if rungs[start:]:
        yield Stage("", list(_shortened(rungs[start:])))


def _shortened(rungs: Sequence[Rung]) -> Iterator[Rung | Gap]:
    for _, group in groupby(rungs, key=_transfer):
        run = list(group)
        if len(run) <= _LONG:
            yield from run
        else:
            between = run[_FIRST:-_LAST]
            yield from run[:_FIRST]
            carried = sum(rung.nbytes for rung in between)
            yield Gap(run[0].sender, run[0].receiver, len(between), carried)
            yield from run[-_LAST:]


def _transfer(rung: Rung) -> object:
    """Return a key that the segments of one transfer share; other segments have a unique key."""
    only_carries = not rung.opens_or_closes and not rung.changes
    return frozenset((rung.sender, rung.receiver)) if only_carries else id(rung)
