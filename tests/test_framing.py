"""Messages come out as they went in, in whatever pieces the stream comes, and garbage does no harm.

Every decoder is held to a few plain lines (`lines` and `lengths` below) that have the whole stream
before them at once.
"""

import doctest
import socket
from array import array
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import pairwise
from time import process_time_ns
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockets_lab import framing
from sockets_lab.framing import (
    MAX_LENGTH,
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
    """A way of framing: both directions, the size of its mark, and its meaning in plain lines."""

    decoder: Callable[..., Decoder]
    encode: Callable[[bytes], bytes]
    mark: int
    meaning: Callable[[bytes], Outcome]


def lines(delimiter: bytes, stream: bytes) -> Outcome:
    """What a whole stream of delimited messages means, up to LIMIT."""
    *messages, rest = stream.split(delimiter)
    for at, message in enumerate(messages):
        if len(message) > LIMIT:
            return messages[:at], TooLong
    if len(rest) >= LIMIT + len(delimiter):
        return messages, TooLong
    return messages, Truncated if rest else None


def lengths(header_bytes: int, stream: bytes) -> Outcome:
    """What a whole stream of messages behind headers means, up to LIMIT."""
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

ways = pytest.mark.parametrize("way", FRAMINGS.values(), ids=FRAMINGS)

# Cuts are numbers to be taken modulo the stream's length, since they are drawn before it is known.
CUTS = st.lists(st.integers(0, 2**16), max_size=12)
# Bytes of which delimiters, credible headers and messages near the limit are made.
LIKELY = st.sampled_from([0, 0, 0, 1, 3, LIMIT, LIMIT + 1, 255, *b"aabbxx\r\r\n\n"])
RUNS = st.builds(lambda byte, size: bytes([byte]) * size, LIKELY, st.integers(1, LIMIT + 2))
GARBAGE = (
    st.binary(max_size=120)
    | st.lists(LIKELY, max_size=120).map(bytes)
    | st.lists(RUNS, max_size=12).map(b"".join)
)


@pytest.fixture(params=FRAMINGS.values(), ids=FRAMINGS)
def way(request: pytest.FixtureRequest) -> Framing:
    return request.param


def pieces_of(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = sorted(cut % (len(stream) + 1) for cut in cuts)
    return [stream[begin:end] for begin, end in pairwise([0, *places, len(stream)])]


def bytes_of(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


def fed(way: Framing, pieces: Iterable[bytes]) -> tuple[list[bytes], Violation | None]:
    """Feed all pieces and the end; watch the bound of what is held after every one."""
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


# Any messages, any pieces, any garbage


@ways
@given(messages=st.lists(st.binary(max_size=LIMIT), max_size=8), cuts=CUTS)
def test_any_messages_come_through_in_any_pieces(way, messages, cuts):
    messages = [message for message in messages if sendable(way, message)]
    stream = b"".join(map(way.encode, messages))
    assert fed(way, pieces_of(stream, cuts)) == (messages, None)
    assert fed(way, bytes_of(stream)) == (messages, None)


@ways
@given(garbage=GARBAGE, cuts=CUTS)
def test_garbage_is_messages_or_a_violation_the_same_in_any_pieces(way, garbage, cuts):
    messages, kind = way.meaning(garbage)
    words = set()
    for pieces in ([garbage], pieces_of(garbage, cuts), bytes_of(garbage)):
        seen, violation = fed(way, pieces)
        assert (seen, type(violation) if violation else None) == (messages, kind)
        words.add(str(violation))
    assert len(words) == 1


@given(message=st.binary(max_size=12), delimiter=st.binary(min_size=1, max_size=4))
def test_what_may_be_sent_is_what_a_receiver_sees(message, delimiter):
    way = delimited(delimiter)
    seen = (message + delimiter).split(delimiter) == [message, b""]
    assert sendable(way, message) == seen
    if seen:
        assert fed(way, bytes_of(way.encode(message) * 2)) == ([message] * 2, None)


# What goes in, and what comes out


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, partial(array, "B")])
def test_takes_whatever_holds_bytes_and_gives_bytes(way, kind):
    decoder = way.decoder()
    stream = way.encode(kind(b"first")) + way.encode(kind(b"second"))
    messages = decoder.feed(kind(stream[:3])) + decoder.feed(kind(stream[3:]))
    assert messages == [b"first", b"second"]
    assert {type(message) for message in messages} == {bytes}


def test_counts_bytes_where_a_view_counts_something_larger():
    stream = encode_length(b"sixteen bytes...")[:20]
    assert LengthDecoder().feed(memoryview(stream).cast("I")) == [b"sixteen bytes..."]
    assert encode_length(memoryview(b"sixteen bytes...").cast("I")) == stream


def test_takes_every_second_byte_of_a_view():
    assert DelimiterDecoder().feed(memoryview(b"o.n.e.\n.")[::2]) == [b"one"]


def test_the_caller_may_use_its_buffer_again(way):
    decoder = way.decoder()
    stream = way.encode(b"first") + way.encode(b"second")
    buffer = bytearray(stream[:-3])
    with memoryview(buffer) as view:
        messages = decoder.feed(view)
    buffer[:] = b"?" * len(buffer)
    buffer.clear()  # BufferError if the decoder still looked at it
    assert messages + decoder.feed(stream[-3:]) == [b"first", b"second"]


def test_a_list_of_messages_is_the_callers(way):
    decoder = way.decoder()
    stream = way.encode(b"first")
    decoder.feed(stream).clear()
    assert decoder.feed(stream) == [b"first"]


@pytest.mark.parametrize("nothing_of_bytes", ["text", 5, [1, 2], None])
def test_what_holds_no_bytes_is_no_data(way, nothing_of_bytes):
    decoder = way.decoder()
    half = way.encode(b"message")[:-1]
    decoder.feed(half)
    with pytest.raises(TypeError, match="bytes-like"):
        decoder.feed(nothing_of_bytes)
    assert decoder.buffered == len(half)
    with pytest.raises(TypeError, match="bytes-like"):
        way.encode(nothing_of_bytes)


def test_empty_messages_are_messages(way):
    assert fed(way, [way.encode(b"") * 3]) == ([b"", b"", b""], None)


def test_no_bytes_change_nothing_and_are_no_end(way):
    decoder = way.decoder()
    stream = way.encode(b"message")
    assert decoder.feed(b"") == []
    assert decoder.feed(stream[:-1]) == decoder.feed(b"") == []
    assert decoder.buffered == len(stream) - 1
    assert decoder.feed(stream[-1:]) == [b"message"]
    assert decoder.buffered == 0


def test_writes_network_byte_order():
    written = [encode_length(b"hello", header_bytes) for header_bytes in (1, 2, 4, 8)]
    assert written == [bytes(size - 1) + b"\x05hello" for size in (1, 2, 4, 8)]
    assert encode_length(bytes(0x0102))[:4] == b"\0\0\1\2"


def test_a_delimiter_may_come_in_pieces_and_begin_in_vain():
    decoder = DelimiterDecoder(b"\r\n\r\n")
    assert decoder.feed(b"head\r\n\r") == []
    assert decoder.feed(b"more\r\n\r") == []
    assert decoder.feed(b"\nrest") == [b"head\r\n\rmore"]


# Limits


def test_a_message_may_be_as_long_as_max_length_and_no_longer(way):
    longest = way.encode(b"x" * LIMIT)
    assert fed(way, [longest * 2]) == ([b"x" * LIMIT] * 2, None)
    messages, violation = fed(way, [longest + way.encode(b"x" * (LIMIT + 1)) + longest])
    assert messages == [b"x" * LIMIT]
    assert isinstance(violation, TooLong)


@pytest.mark.parametrize("way", [delimited(b"\n"), prefixed(4)], ids=["delimiter", "length"])
def test_the_usual_limit_is_the_one_written_down(way):
    assert way.decoder().feed(way.encode(b"x" * MAX_LENGTH)) == [b"x" * MAX_LENGTH]
    with pytest.raises(TooLong, match=f"{MAX_LENGTH} bytes: close"):
        way.decoder().feed(way.encode(b"x" * (MAX_LENGTH + 1)))


def test_a_message_may_be_too_long_in_two_short_pieces(way):
    stream = way.encode(b"x" * (LIMIT + 1))
    _, violation = fed(way, [stream[: LIMIT - 5], stream[LIMIT - 5 :]])
    assert isinstance(violation, TooLong)


def test_nothing_but_empty_messages_when_the_limit_is_zero(way):
    decoder = way.decoder(max_length=0)
    assert decoder.feed(way.encode(b"") * 2) == [b"", b""]
    with pytest.raises(TooLong):
        decoder.feed(way.encode(b"x"))


@pytest.mark.parametrize("header_bytes", [1, 2, 4, 8])
def test_a_claim_is_refused_as_soon_as_its_header_is_complete(header_bytes):
    decoder = LengthDecoder(header_bytes=header_bytes, max_length=LIMIT)
    assert decoder.feed(b"\xff" * (header_bytes - 1)) == []
    with pytest.raises(TooLong, match=f"announces {256**header_bytes - 1} bytes, .*, 20 bytes: "):
        decoder.feed(b"\xff")
    assert decoder.buffered == 0


@pytest.mark.parametrize("delimiter", [b"\n", b"\r\n"])
def test_a_message_without_end_is_refused_when_it_cannot_be_short_enough(delimiter):
    decoder = DelimiterDecoder(delimiter, max_length=LIMIT)
    most = LIMIT + len(delimiter) - 1
    assert decoder.feed(b"x" * most) == []
    assert decoder.buffered == most
    with pytest.raises(TooLong, match="longer than max_length, 20 bytes: close"):
        decoder.feed(b"x")


def test_a_long_claim_kept_within_the_limit_is_held_only_as_it_comes():
    decoder = LengthDecoder(max_length=2**31)
    assert decoder.feed(b"\x7f\xff\xff\xff" + b"x" * 10) == []
    assert decoder.buffered == 14


# Violations


def too_long(way: Framing) -> bytes:
    return way.encode(b"x" * (LIMIT + 1))


def test_messages_before_a_violation_are_not_lost(way):
    decoder = way.decoder(max_length=LIMIT)
    stream = way.encode(b"one") + way.encode(b"two") + too_long(way) + way.encode(b"three")
    assert decoder.feed(stream) == [b"one", b"two"]
    assert isinstance(decoder.violation, TooLong)
    assert decoder.buffered == 0
    with pytest.raises(TooLong):
        decoder.feed(b"")


def test_a_violation_is_raised_at_once_when_no_message_comes_before_it(way):
    with pytest.raises(TooLong):
        way.decoder(max_length=LIMIT).feed(too_long(way))


def test_a_violation_is_raised_again_by_every_call(way):
    decoder = way.decoder(max_length=LIMIT)
    decoder.feed(way.encode(b"one") + too_long(way))
    calls = (lambda: decoder.feed(b""), lambda: decoder.feed(way.encode(b"two")), decoder.end)
    raised = []
    for call in calls:
        with pytest.raises(TooLong) as caught:
            call()
        raised.append(caught.value)
    assert raised == [decoder.violation] * len(calls)


def test_a_violation_raised_often_does_not_grow(way):
    decoder = way.decoder(max_length=LIMIT)
    depths = set()
    for _ in range(5):
        with pytest.raises(TooLong) as caught:
            decoder.feed(too_long(way))
        depths.add(len(caught.traceback))
    assert len(depths) <= 2  # the first is raised one line further down


def test_the_documented_loop_answers_what_came_before_a_violation(way):
    def serve(connection: socket.socket) -> None:
        decoder = way.decoder(max_length=LIMIT)
        while data := connection.recv(4096):
            for message in decoder.feed(data):
                connection.sendall(way.encode(message.upper()))
        decoder.end()

    client, connection = socket.socketpair()
    with client, connection:
        client.sendall(way.encode(b"one") + way.encode(b"two") + too_long(way))
        client.shutdown(socket.SHUT_WR)
        with pytest.raises(TooLong):
            serve(connection)
        connection.close()
        assert client.recv(4096) == way.encode(b"ONE") + way.encode(b"TWO")


# The end of the stream


def test_a_stream_may_end_between_messages(way):
    for stream in (b"", way.encode(b"message")):
        decoder = way.decoder()
        decoder.feed(stream)
        decoder.end()
        decoder.end()
        assert decoder.violation is None


def test_a_stream_that_ends_inside_a_message_is_truncated(way):
    stream = way.encode(b"message")
    for size in range(1, len(stream)):
        decoder = way.decoder()
        decoder.feed(stream[:size])
        for _ in range(2):
            with pytest.raises(Truncated, match="the stream ended"):
                decoder.end()
        assert decoder.buffered == 0


def test_truncated_says_where_the_stream_ended():
    said = []
    for decoder, data in (
        (DelimiterDecoder(), b"half"),
        (LengthDecoder(), b"\0\0"),
        (LengthDecoder(), b"\0\0\0\7"),
        (LengthDecoder(), b"\0\0\0\7mess"),
        (LengthDecoder(), encode_length(b"before") + b"\0\0\0\7mess"),
    ):
        decoder.feed(data)
        with pytest.raises(Truncated) as caught:
            decoder.end()
        said.append(str(caught.value).removeprefix("the stream ended "))
    assert said == [
        r"before b'\n', 4 bytes into a message",
        "after 2 of a header's 4 bytes",
        "after 0 of a message's 7 bytes",
        "after 4 of a message's 7 bytes",
        "after 4 of a message's 7 bytes",
    ]


def test_nothing_is_fed_after_the_end(way):
    for before in (b"", way.encode(b"message")[:-1], too_long(way)):
        decoder = way.decoder(max_length=LIMIT)
        with suppress(TooLong):
            decoder.feed(before)
        with suppress(Violation):
            decoder.end()
        with pytest.raises(Misuse, match="take a new decoder"):
            decoder.feed(b"")


# Misuse


@pytest.mark.parametrize(
    ("misuse", "words"),
    [
        (lambda: DelimiterDecoder(b""), "at least one byte, got b''"),
        (lambda: encode_delimited(b"message", b""), "at least one byte, got b''"),
        (lambda: DelimiterDecoder(max_length=-1), "0 or more, got -1"),
        (lambda: LengthDecoder(max_length=-1), "0 or more, got -1"),
        (lambda: LengthDecoder(header_bytes=3), "1, 2, 4 or 8, got 3"),
        (lambda: encode_length(b"message", 0), "1, 2, 4 or 8, got 0"),
        (lambda: encode_length(bytes(256), 1), "256 bytes is too long for header_bytes=1"),
        (lambda: encode_length(bytes(65_536), 2), "65536 bytes is too long for header_bytes=2"),
        (lambda: encode_delimited(b"two\nlines"), r"its delimiter b'\\n'"),
        (lambda: encode_delimited(b"line\n"), r"its delimiter b'\\n'"),
        # It would end two bytes early: b"\r\n" + b"\r\n\r\n" begins with a delimiter of its own.
        (lambda: encode_delimited(b"line\r\n", b"\r\n\r\n"), "its delimiter"),
    ],
)
def test_misuse_says_what_to_do_instead(misuse, words):
    with pytest.raises(Misuse, match=words):
        misuse()


def test_the_longest_message_of_each_header_is_written():
    assert encode_length(bytes(255), 1) == b"\xff" + bytes(255)
    assert encode_length(bytes(65_535), 2) == b"\xff\xff" + bytes(65_535)


def test_the_peers_faults_and_the_callers_are_never_caught_together():
    assert issubclass(TooLong, Violation)
    assert issubclass(Truncated, Violation)
    assert issubclass(Violation, ValueError)
    assert not issubclass(Misuse, ValueError)


# Work and words


@pytest.mark.parametrize(
    "way",
    [delimited(b"\n"), delimited(b"\r\n"), prefixed(4)],
    ids=["one byte", "two bytes", "length"],
)
def test_a_bytes_work_does_not_grow_with_what_is_held(way):
    """Copying or searching what is held for each byte makes the last quarter 7 times the first."""
    stream = way.encode(b"x" * 2**18)
    assert min(growth(way.decoder(max_length=2**18), stream) for _ in range(3)) < 3


def growth(decoder: Decoder, stream: bytes) -> float:
    """CPU time of the last quarter of a message fed byte by byte, in times of the first."""
    pieces = bytes_of(stream)
    quarter = len(pieces) // 4
    first = cpu_time(decoder, pieces[:quarter])
    cpu_time(decoder, pieces[quarter:-quarter])
    last = cpu_time(decoder, pieces[-quarter:])
    assert decoder.buffered == 0
    return last / first


def cpu_time(decoder: Decoder, pieces: Iterable[bytes]) -> int:
    began = process_time_ns()
    for piece in pieces:
        decoder.feed(piece)
    return process_time_ns() - began


def test_the_modules_example_is_true():
    failed, tried = doctest.testmod(framing)
    assert (failed, tried) == (0, 4)
