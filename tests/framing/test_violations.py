"""Limits, violations and the end of the stream."""

import socket
from contextlib import suppress

import pytest

from sockets_lab.framing import (
    MAX_LENGTH,
    DelimiterDecoder,
    LengthDecoder,
    Misuse,
    TooLong,
    Truncated,
    Violation,
    encode_length,
)
from tests.framing.framings import LIMIT, delimited, fed, prefixed, too_long

# Limits


def test_max_length_is_the_longest_message(way):
    longest = way.encode(b"x" * LIMIT)
    assert fed(way, [longest * 2]) == ([b"x" * LIMIT] * 2, None)
    messages, violation = fed(way, [longest + way.encode(b"x" * (LIMIT + 1)) + longest])
    assert messages == [b"x" * LIMIT]
    assert isinstance(violation, TooLong)


@pytest.mark.parametrize("way", [delimited(b"\n"), prefixed(4)], ids=["delimiter", "length"])
def test_the_default_limit_is_max_length(way):
    assert way.decoder().feed(way.encode(b"x" * MAX_LENGTH)) == [b"x" * MAX_LENGTH]
    with pytest.raises(TooLong, match=f"{MAX_LENGTH} bytes: close"):
        way.decoder().feed(way.encode(b"x" * (MAX_LENGTH + 1)))


def test_two_short_pieces_may_be_too_long(way):
    stream = way.encode(b"x" * (LIMIT + 1))
    _, violation = fed(way, [stream[: LIMIT - 5], stream[LIMIT - 5 :]])
    assert isinstance(violation, TooLong)


def test_limit_zero_allows_empty_messages_only(way):
    decoder = way.decoder(max_length=0)
    assert decoder.feed(way.encode(b"") * 2) == [b"", b""]
    with pytest.raises(TooLong):
        decoder.feed(way.encode(b"x"))


@pytest.mark.parametrize("header_bytes", [1, 2, 4, 8])
def test_refuses_a_claim_with_its_header(header_bytes):
    decoder = LengthDecoder(header_bytes=header_bytes, max_length=LIMIT)
    assert decoder.feed(b"\xff" * (header_bytes - 1)) == []
    with pytest.raises(TooLong, match=f"announces {256**header_bytes - 1} bytes, .*, 20 bytes: "):
        decoder.feed(b"\xff")
    assert decoder.buffered == 0


@pytest.mark.parametrize("delimiter", [b"\n", b"\r\n"])
def test_refuses_a_message_without_an_end(delimiter):
    decoder = DelimiterDecoder(delimiter, max_length=LIMIT)
    most = LIMIT + len(delimiter) - 1
    assert decoder.feed(b"x" * most) == []
    assert decoder.buffered == most
    with pytest.raises(TooLong, match="longer than max_length, 20 bytes: close"):
        decoder.feed(b"x")


def test_buffers_only_what_has_arrived():
    decoder = LengthDecoder(max_length=2**31)
    assert decoder.feed(b"\x7f\xff\xff\xff" + b"x" * 10) == []
    assert decoder.buffered == 14


# Violations


def test_keeps_messages_before_a_violation(way):
    decoder = way.decoder(max_length=LIMIT)
    stream = way.encode(b"one") + way.encode(b"two") + too_long(way) + way.encode(b"three")
    assert decoder.feed(stream) == [b"one", b"two"]
    assert isinstance(decoder.violation, TooLong)
    assert decoder.buffered == 0
    with pytest.raises(TooLong):
        decoder.feed(b"")


def test_raises_a_violation_without_messages(way):
    with pytest.raises(TooLong):
        way.decoder(max_length=LIMIT).feed(too_long(way))


def test_every_later_call_raises_the_violation(way):
    decoder = way.decoder(max_length=LIMIT)
    decoder.feed(way.encode(b"one") + too_long(way))
    calls = (lambda: decoder.feed(b""), lambda: decoder.feed(way.encode(b"two")), decoder.end)
    raised = []
    for call in calls:
        with pytest.raises(TooLong) as caught:
            call()
        raised.append(caught.value)
    assert raised == [decoder.violation] * len(calls)


def test_the_traceback_does_not_grow(way):
    decoder = way.decoder(max_length=LIMIT)
    depths = set()
    for _ in range(5):
        with pytest.raises(TooLong) as caught:
            decoder.feed(too_long(way))
        depths.add(len(caught.traceback))
    assert len(depths) <= 2  # the first is raised one line further down


def test_the_documented_loop_answers_first(way):
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


def test_an_end_inside_a_message_is_truncated(way):
    stream = way.encode(b"message")
    for size in range(1, len(stream)):
        decoder = way.decoder()
        decoder.feed(stream[:size])
        for _ in range(2):
            with pytest.raises(Truncated, match="the stream ended"):
                decoder.end()
        assert decoder.buffered == 0


def test_truncated_says_where_the_stream_ended():
    reasons = []
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
        reasons.append(str(caught.value).removeprefix("the stream ended "))
    assert reasons == [
        r"before b'\n', 4 bytes into a message",
        "after 2 of a header's 4 bytes",
        "after 0 of a message's 7 bytes",
        "after 4 of a message's 7 bytes",
        "after 4 of a message's 7 bytes",
    ]


def test_feeding_after_the_end_is_misuse(way):
    for before in (b"", way.encode(b"message")[:-1], too_long(way)):
        decoder = way.decoder(max_length=LIMIT)
        with suppress(TooLong):
            decoder.feed(before)
        with suppress(Violation):
            decoder.end()
        with pytest.raises(Misuse, match="make a new decoder"):
            decoder.feed(b"")
