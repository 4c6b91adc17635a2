"""Turn recorded calls into one direction of a connection: its bytes, and the cuts of both ends.

Nothing is drawn here. Bytes are paired by their position in the stream, as TCP keeps their order
(RFC 9293, section 3.4): the first byte that one end sent is the first that the other end receives,
however either of them cuts.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from sockets_lab.figures.calls.call_story import RECEIVING, SENDING, lanes_of
from sockets_lab.recording import Call

__all__ = ["Stream", "StreamSide", "stream_of"]


class StreamSide(NamedTuple):
    """The calls of one end: their `sizes` in bytes, in order."""

    role: str
    sizes: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.sizes)

    @property
    def cuts(self) -> set[int]:
        """Return the positions in the stream at which one call ended and the next began."""
        return set(accumulate(self.sizes[:-1]))


class Stream(NamedTuple):
    """One direction of a connection.

    `known` holds, by position, the bytes that the recording kept. `ended` is what the receiver got
    after the last byte. `guessed` is True when the last send failed or has not returned: how many
    bytes it sent is known only from what was received.
    """

    sent: StreamSide
    received: StreamSide
    known: dict[int, int]
    ended: Literal["", "end", "reset"]
    guessed: bool

    @property
    def total(self) -> int:
        """Return the number of bytes that were sent."""
        return self.sent.total

    @property
    def left(self) -> int:
        """Return the number of bytes that were sent and not received."""
        return self.total - self.received.total

    @property
    def shared(self) -> set[int]:
        """Return the positions at which both ends cut."""
        return self.sent.cuts & self.received.cuts


def stream_of(calls: Sequence[Call], sender: str, receiver: str) -> Stream:
    """Return the stream from `sender` to `receiver`.

    Raises ValueError when nothing was sent in it, and for two roles that are not its two ends.
    """
    known_roles = ", ".join(lanes_of(calls)) or "none"
    if receiver not in lanes_of(calls):
        raise ValueError(f"no socket is called {receiver!r}; known sockets: {known_roles}")
    sends = [call for call in calls if call.role == sender and call.name in SENDING]
    receives = [call for call in calls if call.role == receiver and call.name in RECEIVING]
    received = StreamSide(receiver, _sizes(call for call in receives if not _peeks(call)))
    sent = StreamSide(sender, _sizes(sends))
    if any(call.nbytes is None for call in sends) and received.total > sent.total:
        sent = StreamSide(sender, (*sent.sizes, received.total - sent.total))
    if not sent.total:
        raise ValueError(f"nothing to draw: {sender!r} sent no bytes; known sockets: {known_roles}")
    if received.total > sent.total:
        raise ValueError(
            f"{receiver!r} received more bytes than {sender!r} sent: give the two ends of one "
            "connection, and record it from its start"
        )
    known = dict(_known(call for call in sends if call.nbytes))
    guessed = len(sent.sizes) > len(_sizes(sends))
    return Stream(sent, received, known, _end(receives), guessed)


def _sizes(calls: Iterable[Call]) -> tuple[int, ...]:
    return tuple(call.nbytes for call in calls if call.nbytes)


def _peeks(call: Call) -> bool:
    """Return True if the bytes stayed in the buffer, to be received again."""
    return "MSG_PEEK" in call.arguments


def _end(receives: Sequence[Call]) -> Literal["", "end", "reset"]:
    if any(call.result.endswith("the end") for call in receives):
        return "end"
    return "reset" if any(call.error == "ECONNRESET" for call in receives) else ""


_LITERAL = re.compile(r"""b'(?:[^'\\]|\\.)*'|b"(?:[^"\\]|\\.)*\"""")


def _known(sends: Iterable[Call]) -> Iterator[tuple[int, int]]:
    """Yield position and value of bytes: a recording keeps the first bytes of each send."""
    start = 0
    for call in sends:
        literal, count = _LITERAL.match(call.arguments), call.nbytes or 0
        head = ast.literal_eval(literal[0])[:count] if literal else b""
        yield from enumerate(head, start)
        start += count
