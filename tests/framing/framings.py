"""Ways of framing, each with a reference decoder: a few plain lines that see the whole stream.

Every decoder is compared with its reference (`lines` and `lengths` below).
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from sockets_lab.framing import (
    DelimiterDecoder,
    LengthDecoder,
    Misuse,
    TooLong,
    Truncated,
    Violation,
    encode_delimited,
    encode_length,
)

Decoder = DelimiterDecoder | LengthDecoder
Outcome = tuple[list[bytes], type[Violation] | None]

LIMIT = 20  # the longest message accepted in these tests


class Framing(NamedTuple):
    """A way of framing: decoder, encoder, the size of its mark, and a simple reference decoder."""

    decoder: Callable[..., Decoder]
    encode: Callable[[bytes], bytes]
    mark: int
    reference: Callable[[bytes], Outcome]


def lines(delimiter: bytes, stream: bytes) -> Outcome:
    """Decode a whole stream of delimited messages, up to LIMIT."""
    *messages, rest = stream.split(delimiter)
    for at, message in enumerate(messages):
        if len(message) > LIMIT:
            return messages[:at], TooLong
    if len(rest) >= LIMIT + len(delimiter):
        return messages, TooLong
    return messages, Truncated if rest else None


def lengths(header_bytes: int, stream: bytes) -> Outcome:
    """Decode a whole stream of messages with length headers, up to LIMIT."""
    messages = []
    while len(stream) >= header_bytes:
        length = int.from_bytes(stream[:header_bytes], "big")
        if length > LIMIT:
            return messages, TooLong
        if len(stream) < header_bytes + length:
            break
        messages.append(stream[header_bytes : header_bytes + length])
        stream = stream[header_bytes + length :]
    return messages, Truncated if stream else None


def delimited(delimiter: bytes) -> Framing:
    return Framing(
        partial(DelimiterDecoder, delimiter),
        partial(encode_delimited, delimiter=delimiter),
        len(delimiter),
        partial(lines, delimiter),
    )


def prefixed(header_bytes: int) -> Framing:
    return Framing(
        partial(LengthDecoder, header_bytes=header_bytes),
        partial(encode_length, header_bytes=header_bytes),
        header_bytes,
        partial(lengths, header_bytes),
    )


FRAMINGS = {
    **{repr(delimiter): delimited(delimiter) for delimiter in (b"\n", b"\r\n", b"aba", b"\0" * 5)},
    **{f"{size}-byte header": prefixed(size) for size in (1, 2, 4, 8)},
}


def pieces_of(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    ends = sorted(cut % (len(stream) + 1) for cut in cuts)
    return [stream[begin:end] for begin, end in pairwise([0, *ends, len(stream)])]


def bytes_of(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


def fed(way: Framing, pieces: Iterable[bytes]) -> tuple[list[bytes], Violation | None]:
    """Feed all pieces and the end; check the bound of the buffer after each piece."""
    decoder = way.decoder(max_length=LIMIT)
    messages: list[bytes] = []
    violation = None
    try:
        for piece in pieces:
            messages += decoder.feed(piece)
            assert decoder.buffered < LIMIT + way.mark
        decoder.end()
    except Violation as raised:
        violation = raised
    assert decoder.violation is violation
    assert decoder.buffered == 0
    return messages, violation


def sendable(way: Framing, message: bytes) -> bool:
    try:
        way.encode(message)
    except Misuse:
        return False
    return True


def too_long(way: Framing) -> bytes:
    return way.encode(b"x" * (LIMIT + 1))
