r"""Messages out of a byte stream, without I/O: bytes in, messages out.

TCP gives its applications "a reliable, in-order, byte-stream service" (RFC 9293, section 2.2): all
bytes, in order, but no marks where one `send` ended. A program that needs messages must put marks
into the stream. Writing the marks and finding them again is called *framing*. There are two common
ways:

    delimiter      the bytes that end a message, such as a line end, and occur in no message
    length prefix  a header of fixed size that says how many bytes the message has

A decoder takes bytes in whatever pieces they come, and returns the messages that they complete:

    >>> decoder = DelimiterDecoder()
    >>> decoder.feed(b"one message in two ")
    []
    >>> decoder.feed(b"pieces\ntwo in one\nand a ha")
    [b'one message in two pieces', b'two in one']
    >>> decoder.end()
    Traceback (most recent call last):
    sockets_lab.framing.Truncated: the stream ended before b'\n', 8 bytes into a message

A server has one decoder for each connection, and calls `end()` when `recv` gives b"":

    while data := connection.recv(4096):
        for message in decoder.feed(data):
            connection.sendall(encode_delimited(answer(message)))
    decoder.end()

A decoder buffers a bounded number of bytes, whatever the peer sends: see `max_length`. Its work is
linear in what it is fed, even byte by byte: the buffer is neither searched nor copied again for
each new piece (a lesson from h11's `_receivebuffer.py`).

When the peer breaks the protocol, a decoder cannot know where the next message begins, and is of no
further use: `Violation` says why, and the connection should be closed. Messages that were complete
before the violation are never lost: `feed()` returns them first, and the next call raises the
violation. So the loop above answers each of them, and fails afterwards. To stop reading
immediately, look at `violation` after each `feed()`.
"""

import struct
from abc import ABC, abstractmethod
from itertools import takewhile
from typing import Final

__all__ = [
    "MAX_LENGTH",
    "BytesLike",
    "DelimiterDecoder",
    "LengthDecoder",
    "Misuse",
    "TooLong",
    "Truncated",
    "Violation",
    "encode_delimited",
    "encode_length",
]

BytesLike = bytes | bytearray | memoryview

MAX_LENGTH: Final = 65_536  # bytes; also the default limit of asyncio's readline()

# Network byte order, struct's "!": "the most significant octet is transmitted first" (RFC 791,
# appendix B). The lengths have no sign.
_HEADERS: Final = {
    1: struct.Struct("!B"),
    2: struct.Struct("!H"),
    4: struct.Struct("!I"),
    8: struct.Struct("!Q"),
}


class Violation(ValueError):
    """The peer broke the protocol: close the connection."""


class TooLong(Violation):
    """The peer sent, or announced, a message longer than `max_length`."""


class Truncated(Violation):
    """The stream ended inside a message."""


class Misuse(RuntimeError):
    """The caller used this module wrongly: a bug in the program, whatever the peer does."""


class _Decoder(ABC):
    """The common part of the decoders: the buffer, violations, and the end of the stream."""

    def __init__(self, max_length: int) -> None:
        if max_length < 0:
            raise Misuse(f"max_length must be 0 bytes or more, not {max_length!r}")
        self._max_length = max_length
        self._buffer = bytearray()
        self._violation: Violation | None = None
        self._ended = False

    @property
    def buffered(self) -> int:
        """Return how many bytes of an unfinished message are buffered, marks included.

        0 after a violation or `end()`.
        """
        return len(self._buffer)

    @property
    def violation(self) -> Violation | None:
        """Return what the peer did wrong, even before it is raised; None if nothing."""
        return self._violation

    def feed(self, data: BytesLike) -> list[bytes]:
        """Take the next bytes of the stream, and return the messages that they complete, in order.

        data: any number of bytes, even none; b"" changes nothing, and is not the end of the stream.
        They are copied, so the caller may reuse its buffer.

        Raises TooLong when the peer broke the protocol and no message was completed before;
        otherwise the next call raises it, and so does every later one. Raises Misuse after `end()`.
        """
        if self._ended:
            raise Misuse("feed() after end(); make a new decoder for each connection")
        self._raise_violation()
        messages = self._take(_bytes_of(data))
        if not messages:
            self._raise_violation()
        return messages

    def end(self) -> None:
        """End the stream: call this when `recv` returned b"".

        Raises Truncated if the stream ended inside a message, or the violation that `feed()` met.
        Calling it again raises the same again.
        """
        self._ended = True
        if self._buffer:
            self._refuse(Truncated(self._where_it_ended()))
        self._raise_violation()

    @abstractmethod
    def _take(self, data: bytes) -> list[bytes]:
        """Return the messages completed by `data`, up to the first that must be refused."""

    @abstractmethod
    def _where_it_ended(self) -> str:
        """Describe where inside a message the stream ended."""

    def _refuse(self, violation: Violation) -> None:
        self._buffer = bytearray()
        self._violation = violation

    def _raise_violation(self) -> None:
        if self._violation is not None:
            raise self._violation.with_traceback(None)  # else the traceback grows with every raise


class DelimiterDecoder(_Decoder):
    r"""Decoder of messages that end in a delimiter, such as lines.

    delimiter: the bytes that end each message, one or more; they are not part of it.
    max_length: the longest message accepted, in bytes without its delimiter.

    Two delimiters in a row have an empty message between them. A message without an end is refused
    (TooLong) once `max_length + len(delimiter)` bytes contain no delimiter, so `buffered` is always
    less than that. What follows the last delimiter is not a message: `end()` raises Truncated.

    Raises Misuse for an empty delimiter, and for a max_length below 0.
    """

    def __init__(self, delimiter: BytesLike = b"\n", *, max_length: int = MAX_LENGTH) -> None:
        super().__init__(max_length)
        self._delimiter = _delimiter(delimiter)

    def _take(self, data: bytes) -> list[bytes]:
        if self._buffer and not self._completed_by(data):
            messages = []
            self._buffer += data
        else:
            messages = b"".join((self._buffer, data)).split(self._delimiter)
            self._buffer = bytearray(messages.pop())
        if len(self._buffer) >= self._max_length + len(self._delimiter):
            self._refuse_length()
        # All messages but the first lie within `data`. So their lengths need a check, which would
        # cost half as much as splitting, only if `data` is longer than a message may be.
        if messages and max(len(messages[0]), len(data)) > self._max_length:
            return self._up_to_too_long(messages)
        return messages

    def _completed_by(self, data: bytes) -> bool:
        """Return True if a delimiter ends in `data`; a longer one may have begun before."""
        if self._delimiter in data:
            return True
        before = len(self._delimiter) - 1
        return before > 0 and self._delimiter in self._buffer[-before:] + data[:before]

    def _up_to_too_long(self, messages: list[bytes]) -> list[bytes]:
        """Return the messages before the first that is too long: all of them if none is."""
        limit = self._max_length
        if max(map(len, messages)) <= limit:
            return messages
        self._refuse_length()
        return list(takewhile(lambda message: len(message) <= limit, messages))

    def _refuse_length(self) -> None:
        # No count of what came: the message must not depend on the pieces in which it came.
        self._refuse(
            TooLong(
                f"a message is longer than max_length, {self._max_length} bytes: "
                "close the connection"
            )
        )

    def _where_it_ended(self) -> str:
        return f"the stream ended before {self._delimiter!r}, {self.buffered} bytes into a message"


class LengthDecoder(_Decoder):
    """Decoder of messages that follow a header with their length.

    header_bytes: the header's size, 1, 2, 4 or 8 bytes: an unsigned number in network byte order
    (most significant byte first; RFC 791, appendix B), which does not count the header itself.
    max_length: the longest message accepted, in bytes without its header.

    A length of 0 is an empty message. A header that announces more than `max_length` is refused
    (TooLong) as soon as it is complete, before a byte of its message is buffered: no memory is
    allocated on a peer's claim. `buffered` is always less than `header_bytes + max_length`.

    Raises Misuse for any other header_bytes, and for a max_length below 0.
    """

    def __init__(self, *, header_bytes: int = 4, max_length: int = MAX_LENGTH) -> None:
        super().__init__(max_length)
        self._header = _header(header_bytes)
        self._wanted = self._header.size  # bytes to buffer before decoding can go on

    def _take(self, data: bytes) -> list[bytes]:
        if len(self._buffer) + len(data) < self._wanted:
            self._buffer += data
            return []
        return self._decode(b"".join((self._buffer, data)))

    def _decode(self, data: bytes) -> list[bytes]:
        """Return the whole messages in `data`, and buffer the rest."""
        # Attributes as local names: this loop runs once a message.
        read, header_bytes, limit = self._header.unpack_from, self._header.size, self._max_length
        messages: list[bytes] = []
        start, size, wanted = 0, len(data), header_bytes
        while (body := start + header_bytes) <= size:
            (length,) = read(data, start)
            if length > limit:
                self._refuse_length(length)
                return messages
            if (stop := body + length) > size:
                wanted += length
                break
            messages.append(data[body:stop])
            start = stop
        self._buffer, self._wanted = bytearray(data[start:]), wanted
        return messages

    def _refuse_length(self, length: int) -> None:
        self._refuse(
            TooLong(
                f"a header announces {length} bytes, more than max_length, "
                f"{self._max_length} bytes: close the connection"
            )
        )

    def _where_it_ended(self) -> str:
        header_bytes = self._header.size
        if self.buffered < header_bytes:
            return f"the stream ended after {self.buffered} of a header's {header_bytes} bytes"
        came, length = self.buffered - header_bytes, self._wanted - header_bytes
        return f"the stream ended after {came} of a message's {length} bytes"


def encode_delimited(message: BytesLike, delimiter: BytesLike = b"\n") -> bytes:
    """Return `message` with its delimiter, as DelimiterDecoder reads it.

    Raises Misuse if the receiver would read something else: if `message` contains the delimiter, or
    if its last bytes form one together with the first bytes of the delimiter that follows.
    """
    message, delimiter = _bytes_of(message), _delimiter(delimiter)
    encoded = message + delimiter
    if encoded.find(delimiter) < len(message):
        raise Misuse(
            f"a message must not contain its delimiter {delimiter!r}; escape it, or send the "
            "length first with encode_length()"
        )
    return encoded


def encode_length(message: BytesLike, header_bytes: int = 4) -> bytes:
    """Return `message` behind a header with its length, as LengthDecoder reads it.

    header_bytes: 1, 2, 4 or 8, as for LengthDecoder.

    Raises Misuse for a message too long for the header, and for any other header_bytes.
    """
    message, header = _bytes_of(message), _header(header_bytes)
    if len(message) >= 1 << 8 * header.size:
        raise Misuse(
            f"a message of {len(message)} bytes is too long for header_bytes={header_bytes!r}; "
            "use a longer header"
        )
    return header.pack(len(message)) + message


def _bytes_of(data: BytesLike) -> bytes:
    # Not bytes(data): that makes five zeros of the number 5, and accepts lists.
    return data if type(data) is bytes else memoryview(data).tobytes()


def _delimiter(delimiter: BytesLike) -> bytes:
    if not (plain := _bytes_of(delimiter)):
        raise Misuse(f"a delimiter must have at least one byte, not {delimiter!r}")
    return plain


def _header(header_bytes: int) -> struct.Struct:
    if header_bytes not in _HEADERS:
        raise Misuse(f"header_bytes must be 1, 2, 4 or 8, not {header_bytes!r}")
    return _HEADERS[header_bytes]
