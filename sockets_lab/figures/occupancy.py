"""Turn a history into the fill level of each buffer over time, and into words for every run.

Nothing is drawn here. The kernel decides how big a buffer grows, and tunes it by what it sees
(Linux: tcp_rmem and tcp_wmem, man 7 tcp), and how often a look finds some bytes is up to chance. So
the words have no count but 0, and only what lasts: less than a fiftieth of the time does not count,
and "stay" needs a fifth of the time.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Literal, NamedTuple

from sockets_lab.kernel import History

__all__ = ["Buffer", "Level", "Span", "buffers_of", "in_words"]

Kind = Literal["unsent", "unread"]

_LASTING, _PAUSE, _STAYING = 0.02, 0.1, 0.2
"""Shares of the whole time: the least of a filling, of a pause between two, and of a stay."""

_ALIKE, _LITTLE = 0.1, 0.001
"""Shares of bytes: how far they may move in a stay; and of the most in any buffer: still near 0."""

_MANY = 3
"""More fillings than this are not described one by one."""


class Level(NamedTuple):
    """The bytes in a buffer at one moment."""

    at_s: float
    nbytes: int


class Buffer(NamedTuple):
    """What was seen of one buffer of one socket until `end_s`, in seconds of the history.

    `gone` is True if the socket no longer existed at the last look.
    """

    role: str
    kind: Kind
    levels: list[Level]
    end_s: float
    gone: bool

    @property
    def most(self) -> int:
        return max(level.nbytes for level in self.levels)


class Span(NamedTuple):
    """A time during which a buffer held bytes."""

    start_s: float
    end_s: float


def buffers_of(history: History) -> list[Buffer]:
    """Return every buffer of which at least one look counted the bytes: unsent, then unread."""
    times = [sample.at_s for sample in history]
    return [
        _buffer(role, kind, levels, times)
        for role in history.roles
        for kind in ("unsent", "unread")
        if (levels := list(_levels(history, role, kind)))
    ]


def _levels(history: History, role: str, kind: str) -> Iterator[Level]:
    for at_s, snapshot in history:
        nbytes = getattr(snapshot[role], kind) if role in snapshot else None
        if nbytes is not None:
            yield Level(at_s, nbytes)


def _buffer(role: str, kind: Kind, levels: list[Level], times: Sequence[float]) -> Buffer:
    after = [at_s for at_s in times if at_s > levels[-1].at_s]
    end_s = after[0] if after else max(times[-1] + 0.02 * (times[-1] - times[0]), times[0] + 1e-4)
    return Buffer(role, kind, levels, end_s, gone=bool(after))


# --- words --------------------------------------------------------------------------------------


def in_words(buffers: Sequence[Buffer]) -> list[str]:
    """Return a line on each buffer: where its bytes rise, stay and fall."""
    whole = max(b.end_s for b in buffers) - min(b.levels[0].at_s for b in buffers)
    little = int(_LITTLE * max(buffer.most for buffer in buffers))
    return [
        f"{buffer.role}'s {buffer.kind} bytes {_course(buffer, whole, little)}"
        for buffer in buffers
    ]


def _course(buffer: Buffer, whole_s: float, little: int) -> str:
    fillings = _lasting(_fillings(buffer, little), whole_s)
    if not fillings:
        return "stay at or near 0"
    if len(fillings) > _MANY:
        return f"rise and fall again and again, then {_end(buffer, fillings[-1], whole_s)}"
    moves = chain.from_iterable(_moves(buffer, filling, whole_s) for filling in fillings)
    return ", then ".join(moves)


def _fillings(buffer: Buffer, little: int) -> Iterator[Span]:
    """Yield the spans in which the buffer held more than a `little`."""
    start_s: float | None = None
    for level in buffer.levels:
        if level.nbytes > little and start_s is None:
            start_s = level.at_s
        elif level.nbytes <= little and start_s is not None:
            yield Span(start_s, level.at_s)
            start_s = None
    if start_s is not None:
        yield Span(start_s, buffer.end_s)


def _lasting(spans: Iterator[Span], whole_s: float) -> list[Span]:
    """Join spans with little time between them, and drop those that are still short."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.start_s - joined[-1].end_s < _PAUSE * whole_s:
            joined[-1] = Span(joined[-1].start_s, span.end_s)
        else:
            joined.append(span)
    return [span for span in joined if span.end_s - span.start_s >= _LASTING * whole_s]


def _moves(buffer: Buffer, filling: Span, whole_s: float) -> Iterator[str]:
    yield "are there at first" if filling.start_s == buffer.levels[0].at_s else "rise"
    stay = _stay(buffer, filling, whole_s)
    end = _end(buffer, filling, whole_s)
    if stay and end != "stay":
        yield "stay"
    yield end


def _end(buffer: Buffer, filling: Span, whole_s: float) -> str:
    if filling.end_s < buffer.end_s:
        return "fall to 0"
    if buffer.gone:
        return "are gone with the socket"
    stay = _stay(buffer, filling, whole_s)
    return "stay" if stay and not _falls_after(stay, buffer) else "are there at the end"


def _falls_after(stay: Span, buffer: Buffer) -> bool:
    """Return True if the buffer holds less later; it may hold more, as a window fills late.

    A sender holds back pieces smaller than a segment until it has waited for some time (RFC 9293,
    section 3.8.6.2.1): 200 ms on Linux.
    """
    first, *later = [level.nbytes for level in buffer.levels if level.at_s >= stay.start_s]
    return any(nbytes < (1 - _ALIKE) * first for nbytes in later)


def _stay(buffer: Buffer, filling: Span, whole_s: float) -> Span | None:
    """Return the longest time in a filling without much change, if it is long enough."""
    levels = [one for one in buffer.levels if filling.start_s <= one.at_s < filling.end_s]
    turns = [levels[0]]
    for level in levels:
        if abs(level.nbytes - turns[-1].nbytes) > _ALIKE * turns[-1].nbytes:
            turns.append(level)
    times = [*(turn.at_s for turn in turns), filling.end_s]
    longest = max((Span(*pair) for pair in pairwise(times)), key=lambda s: s.end_s - s.start_s)
    return longest if longest.end_s - longest.start_s >= _STAYING * whole_s else None
