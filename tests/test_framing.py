"""Messages come out as they went in, however the stream is cut, and hostile bytes are borne."""

import doctest
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockets_lab import framing
from sockets_lab.framing import (
    DelimiterDecoder,
    FramingError,
    LengthDecoder,
    Misuse,
    TooLong,
    Truncated,
    Violation,
    encode_delimited,
    encode_length,
)

LIMIT = 40
Decoder = DelimiterDecoder | LengthDecoder

MAKERS: dict[str, Callable[[], Decoder]] = {
    "line": lambda: DelimiterDecoder(max_length=LIMIT),
    "two-byte delimiter": lambda: DelimiterDecoder(b"\r\n", max_length=LIMIT),
    "overlapping delimiter": lambda: DelimiterDecoder(b"aab", max_length=LIMIT),
    **{f"header of {n}": lambda n=n: _length(n) for n in (1, 2, 4, 8)},
}
# Bytes that are likely to be taken for delimiters, headers and parts of them.
GARBAGE = st.lists(st.sampled_from(b"\x00\x01\x03\x28\x29\xffab\r\n"), max_size=200).map(bytes)


def _length(header_bytes: int) -> LengthDecoder:
    return LengthDecoder(header_bytes=header_bytes, max_length=LIMIT)


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Callable[[], Decoder]:
    return MAKERS[request.param]


def encoded(message: bytes, decoder: Decoder) -> bytes:
    if isinstance(decoder, LengthDecoder):
        return encode_length(message, header_bytes=decoder._header.size)
    return encode_delimited(message, decoder.delimiter)


def fed(decoder: Decoder, pieces: Iterable[bytes]) -> tuple[list[bytes], type | None]:
    """Feed all pieces and the end; return the messages and the kind of violation, if any."""
    messages: list[bytes] = []
    try:
        for piece in pieces:
            messages += decoder.feed(piece)
            assert decoder.buffered <= LIMIT + 8
        decoder.end()
    except Violation as violation:
        return [*messages, *violation.messages], type(violation)
    return messages, None


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    places = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[begin:end] for begin, end in pairwise(places)]


def in_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


# Any messages, any cuts


MESSAGES = st.lists(st.binary(max_size=LIMIT).map(lambda m: m.translate(None, b"\r\nab")))
CUTS = st.lists(st.integers(0, 1 << 16), max_size=12)


@pytest.mark.parametrize("name", MAKERS)
@given(messages=MESSAGES, cuts=CUTS)
def test_any_messages_come_through_any_cuts(name: str, messages: list[bytes], cuts: list[int]):
    decoder = MAKERS[name]()
    stream = b"".join(encoded(message, decoder) for message in messages)
    assert fed(decoder, cut(stream, cuts)) == (messages, None)


@pytest.mark.parametrize("name", MAKERS)
@given(garbage=GARBAGE, cuts=CUTS)
def test_garbage_means_the_same_however_it_is_cut(name: str, garbage: bytes, cuts: list[int]):
    whole = fed(MAKERS[name](), [garbage])
    assert fed(MAKERS[name](), in_bytes(garbage)) == whole
    assert fed(MAKERS[name](), cut(garbage, cuts)) == whole
    assert all(len(message) <= LIMIT for message in whole[0])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_takes_whatever_holds_bytes_and_gives_bytes(make: Callable[[], Decoder], kind: type):
    decoder = make()
    messages = decoder.feed(kind(encoded(b"one", decoder) * 2))
    assert messages == [b"one", b"one"]
    assert all(type(message) is bytes for message in messages)


def test_buffer_may_be_used_again(make: Callable[[], Decoder]):
    decoder = make()
    stream = encoded(b"hello", decoder)
    buffer = bytearray(stream[:-1])
    assert decoder.feed(buffer) == []
    buffer[:] = bytes(len(buffer))
    assert decoder.feed(stream[-1:]) == [b"hello"]


def test_empty_messages_are_messages(make: Callable[[], Decoder]):
    decoder = make()
    assert decoder.feed(encoded(b"", decoder) * 3) == [b"", b"", b""]


def test_no_bytes_change_nothing(make: Callable[[], Decoder]):
    decoder = make()
    assert decoder.feed(b"") == []
    decoder.end()


# Limits


def test_message_at_the_limit_passes_and_one_byte_more_does_not(make: Callable[[], Decoder]):
    decoder = make()
    assert decoder.feed(encoded(b"x" * LIMIT, decoder)) == [b"x" * LIMIT]
    with pytest.raises(TooLong, match="the limit is 40 bytes"):
        decoder.feed(encoded(b"x" * (LIMIT + 1), decoder))


def test_limit_of_zero_lets_empty_messages_through():
    assert LengthDecoder(max_length=0).feed(bytes(8)) == [b"", b""]
    assert DelimiterDecoder(b"\r\n", max_length=0).feed(b"\r\n\r\n") == [b"", b""]


@pytest.mark.parametrize("header_bytes", [1, 2, 4, 8])
def test_claim_is_refused_when_its_header_is_complete(header_bytes: int):
    decoder = _length(header_bytes)
    assert decoder.feed(b"\xff" * (header_bytes - 1)) == []
    with pytest.raises(TooLong, match=f"claims {256**header_bytes - 1} bytes"):
        decoder.feed(b"\xff")
    assert decoder.buffered == 0


def test_message_without_an_end_is_refused_at_once():
    decoder = DelimiterDecoder(max_length=LIMIT)
    assert decoder.feed(b"x" * LIMIT) == []
    with pytest.raises(TooLong, match="has no end yet"):
        decoder.feed(b"x")


def test_part_of_a_delimiter_does_not_count_as_too_long():
    decoder = DelimiterDecoder(b"\r\n", max_length=3)
    assert decoder.feed(b"one\r") == []
    assert decoder.feed(b"\n") == [b"one"]
    with pytest.raises(TooLong):
        decoder.feed(b"one\rx")


def test_what_was_complete_before_a_violation_is_handed_out_once(make: Callable[[], Decoder]):
    decoder = make()
    stream = encoded(b"good", decoder) + encoded(b"x" * (LIMIT + 1), decoder)
    with pytest.raises(TooLong) as first:
        decoder.feed(stream)
    with pytest.raises(TooLong) as again:
        decoder.feed(b"anything")
    with pytest.raises(TooLong):
        decoder.end()
    assert first.value.messages == (b"good",)
    assert again.value.messages == ()


# The end


def test_end_between_messages_is_calm(make: Callable[[], Decoder]):
    decoder = make()
    decoder.feed(encoded(b"last", decoder))
    assert decoder.buffered == 0
    decoder.end()


def test_end_inside_a_message_is_a_violation(make: Callable[[], Decoder]):
    decoder = make()
    stream = encoded(b"last", decoder)
    decoder.feed(stream[:-1])
    with pytest.raises(Truncated, match=f"inside a message, {len(stream) - 1} bytes into it"):
        decoder.end()


def test_nothing_goes_on_after_the_end(make: Callable[[], Decoder]):
    decoder = make()
    decoder.end()
    for go_on in (lambda: decoder.feed(b"more"), decoder.end):
        with pytest.raises(Misuse, match="make a new decoder"):
            go_on()


# Misuse


def test_violations_and_misuse_are_told_apart():
    assert issubclass(TooLong, Violation)
    assert issubclass(Truncated, Violation)
    assert not issubclass(Misuse, Violation)
    assert issubclass(Violation, FramingError)
    assert issubclass(Misuse, FramingError)


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda: encode_length(bytes(256), header_bytes=1), "256 bytes are too many"),
        (lambda: encode_length(b"", header_bytes=3), "no header of 3 bytes: use 1, 2, 4 or 8"),
        (lambda: LengthDecoder(header_bytes=0), "no header of 0 bytes"),
        (lambda: LengthDecoder(max_length=-1), "the limit -1 is negative"),
        (lambda: encode_delimited(b"two\nlines"), r"contains its delimiter b'\\n'"),
        (lambda: encode_delimited(b"ab", b"aba"), "contains its delimiter"),
        (lambda: DelimiterDecoder(b""), "give at least one byte"),
    ],
)
def test_misuse_is_told_in_words(attempt: Callable[[], object], words: str):
    with pytest.raises(Misuse, match=words):
        attempt()


def test_longest_message_that_a_header_can_tell_is_written():
    assert encode_length(bytes(255), header_bytes=1)[:1] == b"\xff"


def test_example_of_the_module_holds():
    assert doctest.testmod(framing) == (0, 5)


# Time


@pytest.mark.parametrize("delimiter", [b"\n", b"\r\n"])
def test_small_pieces_of_a_large_message_are_searched_once(delimiter: bytes):
    decoder = DelimiterDecoder(delimiter)
    decoder._held = counting = _CountingBytes()
    stream = encode_delimited(b"x" * 60_000, delimiter)
    for at in range(0, len(stream), 10):
        decoder.feed(stream[at : at + 10])
    assert len(stream) <= counting.searched <= 2 * len(stream)


class _CountingBytes(bytearray):
    """Counts the bytes through which `find` looks."""

    searched = 0

    def find(self, what, start=0, end=None):
        self.searched += len(self) - start
        return super().find(what, start)
