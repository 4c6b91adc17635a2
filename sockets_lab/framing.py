"""Messages out of a byte stream, without I/O: bytes in, messages out.

TCP carries a stream: it keeps the order of the bytes, and forgets how they were sent. Who wants
messages has to mark their ends, with a delimiter behind each, or with its length before it:

>>> decoder = LengthDecoder(max_length=100)
>>> stream = encode_length(b"hello") + encode_length(b"you")
>>> decoder.feed(stream[:6])
[]
>>> decoder.feed(stream[6:])
[b'hello', b'you']
>>> decoder.end()

A decoder is fed what `recv()` gives, in whatever pieces it comes, and is told the end of the
stream. It does no I/O of its own, so it works the same under threads, selectors and coroutines, and
every rule of it is tested with bytes alone.

Two kinds of error are told apart. `Violation`: the peer broke the protocol; close its connection.
`Misuse`: our own program did; mend it. A violation is raised as soon as it is certain, not when the
peer chooses to send more, and carries the messages that the same bytes completed before it.

The time is linear in the bytes fed, however small the pieces, and never more is held than one
unfinished message within its limit.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from struct import Struct

__all__ = [
    "DelimiterDecoder",
    "FramingError",
    "LengthDecoder",
    "Misuse",
    "TooLong",
    "Truncated",
    "Violation",
    "encode_delimited",
    "encode_length",
]

MAX_LENGTH = 1 << 20  # bytes of a message, unless told otherwise

# Unsigned, the most significant byte first: network byte order (RFC 1700, "Data Notations").
_HEADERS = {1: Struct(">B"), 2: Struct(">H"), 4: Struct(">I"), 8: Struct(">Q")}

Buffer = bytes | bytearray | memoryview  # of single bytes; collections.abc has one from 3.12 on


class FramingError(ValueError):
    """A stream and its framing do not fit together."""


class Misuse(FramingError):
    """The caller asked for what the framing cannot do, or goes on after the end."""


class Violation(FramingError):
    """The peer broke the protocol.

    `messages` are those that the bytes fed last completed before it; they are the peer's as much as
    any others, and may still be answered.
    """

    def __init__(self, words: str, messages: Sequence[bytes] = ()) -> None:
        super().__init__(words)
        self.messages = tuple(messages)


class TooLong(Violation):
    """A message is, or claims to be, longer than the limit."""


class Truncated(Violation):
    """The stream ended inside a message."""


class _Decoder(ABC):
    """What both decoders share: the bytes of an unfinished message, and whether all is over."""

    def __init__(self, max_length: int) -> None:
        if max_length < 0:
            raise Misuse(f"the limit {max_length!r} is negative: give 0 bytes or more")
        self.max_length = max_length
        self._held = bytearray()
        self._violation: Violation | None = None
        self._ended = False

    @property
    def buffered(self) -> int:
        """Bytes held of an unfinished message, with what marks its ends."""
        return len(self._held)

    def feed(self, data: Buffer) -> list[bytes]:
        """Take the next bytes of the stream; return the messages that they complete, in order.

        The bytes are copied: the caller may use its buffer again. Raises TooLong as soon as a
        message is certain to exceed `max_length`, and again at every later call; Misuse after
        `end()`.
        """
        self._require_open()
        return self._take(data)

    def end(self) -> None:
        """Take note of the end of the stream, which `recv()` tells by b"".

        Raises Truncated if it ended inside a message, the violation again if there was one, and
        Misuse if it had ended before.
        """
        self._require_open()
        self._ended = True
        if self._held:
            raise Truncated(f"the stream ended inside a message, {self.buffered} bytes into it")

    @abstractmethod
    def _take(self, data: Buffer) -> list[bytes]:
        """Hold `data` with what was held before, and cut off what is complete."""

    def _require_open(self) -> None:
        if self._violation is not None:
            raise self._violation.with_traceback(None)
        if self._ended:
            raise Misuse("this stream has ended: make a new decoder for the next one")

    def _too_long(self, words: str, before: Sequence[bytes]) -> TooLong:
        """Give up the stream, whose later bytes mean nothing; return what to raise."""
        self._held.clear()
        words = f"{words}, and the limit is {self.max_length} bytes"
        self._violation = TooLong(words)  # without the messages: they are handed out once
        return TooLong(words, before)


class LengthDecoder(_Decoder):
    """Reads messages that have their length before them, as an unsigned number of bytes.

    header_bytes: size of that number, 1, 2, 4 or 8 bytes, in network byte order
    max_length: bytes; a message that claims more is refused when its header is complete, before
        anything is held for it
    """

    def __init__(self, *, header_bytes: int = 4, max_length: int = MAX_LENGTH) -> None:
        super().__init__(max_length)
        self._header = _header_of(header_bytes)
        self._wanted = header_bytes  # bytes held before there is anything to do

    def _take(self, data: Buffer) -> list[bytes]:
        if self._held or len(data) < self._wanted:
            self._held += data
            if len(self._held) < self._wanted:
                return []
            data = bytes(self._held)
            self._held.clear()
        return self._cut(bytes(data))

    def _cut(self, data: bytes) -> list[bytes]:
        # Names of the function itself are the fastest, and this loop runs once a message.
        unpack, header_bytes, max_length = (
            self._header.unpack_from,
            self._header.size,
            self.max_length,
        )
        messages: list[bytes] = []
        at, begin, size = 0, header_bytes, len(data)
        while begin <= size:
            (length,) = unpack(data, at)
            if length > max_length:
                raise self._too_long(f"a message claims {length} bytes", messages)
            if begin + length > size:
                break
            at = begin + length
            messages.append(data[begin:at])
            begin = at + header_bytes
        self._hold(data[at:])
        return messages

    def _hold(self, rest: bytes) -> None:
        header_bytes = self._header.size
        self._wanted = header_bytes
        if len(rest) >= header_bytes:
            self._wanted += self._header.unpack_from(rest)[0]
        self._held += rest


class DelimiterDecoder(_Decoder):
    """Reads messages that have a delimiter behind each, such as a line end.

    delimiter: one byte or more; it is not part of the message
    max_length: bytes of a message without its delimiter; one that runs on beyond is refused at
        once, whether or not its delimiter may still come
    """

    def __init__(self, delimiter: bytes = b"\n", *, max_length: int = MAX_LENGTH) -> None:
        super().__init__(max_length)
        self.delimiter = _checked(delimiter)

    def _take(self, data: Buffer) -> list[bytes]:
        # Only where the old bytes meet the new may a delimiter have been missed, so that the old
        # ones are not searched again: small pieces would take quadratic time.
        seam = len(self._held) - len(self.delimiter) + 1
        self._held += data
        if self._held.find(self.delimiter, max(0, seam)) < 0:
            messages: list[bytes] = []
        else:
            *messages, rest = bytes(self._held).split(self.delimiter)
            self._require_short(messages)
            self._held = bytearray(rest)
        if len(self._held) > self.max_length and not self._may_be_complete():
            raise self._too_long("a message has no end yet", messages)
        return messages

    def _require_short(self, messages: list[bytes]) -> None:
        if len(self._held) <= self.max_length:
            return  # none of its parts can be longer
        for at, message in enumerate(messages):
            if len(message) > self.max_length:
                raise self._too_long(f"a message has {len(message)} bytes", messages[:at])

    def _may_be_complete(self) -> bool:
        """Whether what is held may be a message within the limit and a part of its delimiter."""
        first = max(0, len(self._held) - len(self.delimiter) + 1)
        starts = range(first, self.max_length + 1)
        return any(self.delimiter.startswith(self._held[at:]) for at in starts)


def encode_length(message: Buffer, *, header_bytes: int = 4) -> bytes:
    """Write a message with its length before it, as `LengthDecoder` reads it.

    Raises Misuse when the length does not fit into `header_bytes` bytes (1, 2, 4 or 8).
    """
    header = _header_of(header_bytes)
    if len(message) >> 8 * header_bytes:
        raise Misuse(
            f"{len(message)} bytes are too many for a header of {header_bytes}: use a larger one"
        )
    return header.pack(len(message)) + message


def encode_delimited(message: Buffer, delimiter: bytes = b"\n") -> bytes:
    """Write a message with a delimiter behind it, as `DelimiterDecoder` reads it.

    Raises Misuse when the reader would find the delimiter earlier: in the message, or where the
    message meets it.
    """
    encoded = bytes(message) + _checked(delimiter)
    if encoded.find(delimiter) != len(message):
        raise Misuse(f"the message contains its delimiter {delimiter!r}: use a length instead")
    return encoded


def _header_of(header_bytes: int) -> Struct:
    if header_bytes not in _HEADERS:
        raise Misuse(f"no header of {header_bytes!r} bytes: use 1, 2, 4 or 8")
    return _HEADERS[header_bytes]


def _checked(delimiter: bytes) -> bytes:
    if not delimiter:
        raise Misuse(f"{delimiter!r} is no delimiter: give at least one byte")
    return delimiter
