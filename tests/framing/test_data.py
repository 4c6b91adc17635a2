"""What decoders and encoders take and return."""

from array import array
from functools import partial

import pytest

from sockets_lab.framing import (
    DelimiterDecoder,
    LengthDecoder,
    encode_length,
)
from tests.framing.framings import fed


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, partial(array, "B")])
def test_takes_bytes_like_data_and_returns_bytes(way, kind):
    decoder = way.decoder()
    stream = way.encode(kind(b"first")) + way.encode(kind(b"second"))
    messages = decoder.feed(kind(stream[:3])) + decoder.feed(kind(stream[3:]))
    assert messages == [b"first", b"second"]
    assert {type(message) for message in messages} == {bytes}


def test_counts_bytes_of_a_view_of_larger_items():
    stream = encode_length(b"sixteen bytes...")[:20]
    assert LengthDecoder().feed(memoryview(stream).cast("I")) == [b"sixteen bytes..."]
    assert encode_length(memoryview(b"sixteen bytes...").cast("I")) == stream


def test_takes_a_view_with_strides():
    assert DelimiterDecoder().feed(memoryview(b"o.n.e.\n.")[::2]) == [b"one"]


def test_the_caller_may_reuse_its_buffer(way):
    decoder = way.decoder()
    stream = way.encode(b"first") + way.encode(b"second")
    buffer = bytearray(stream[:-3])
    with memoryview(buffer) as view:
        messages = decoder.feed(view)
    buffer[:] = b"?" * len(buffer)
    buffer.clear()  # BufferError if the decoder still used it
    assert messages + decoder.feed(stream[-3:]) == [b"first", b"second"]


def test_the_caller_may_change_the_list(way):
    decoder = way.decoder()
    stream = way.encode(b"first")
    decoder.feed(stream).clear()
    assert decoder.feed(stream) == [b"first"]


@pytest.mark.parametrize("not_bytes", ["text", 5, [1, 2], None])
def test_refuses_data_that_is_not_bytes_like(way, not_bytes):
    decoder = way.decoder()
    half = way.encode(b"message")[:-1]
    decoder.feed(half)
    with pytest.raises(TypeError, match="bytes-like"):
        decoder.feed(not_bytes)
    assert decoder.buffered == len(half)
    with pytest.raises(TypeError, match="bytes-like"):
        way.encode(not_bytes)


def test_empty_messages_are_messages(way):
    assert fed(way, [way.encode(b"") * 3]) == ([b"", b"", b""], None)


def test_feeding_no_bytes_changes_nothing(way):
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


def test_a_delimiter_may_come_in_pieces():
    decoder = DelimiterDecoder(b"\r\n\r\n")
    assert decoder.feed(b"head\r\n\r") == []
    assert decoder.feed(b"more\r\n\r") == []
    assert decoder.feed(b"\nrest") == [b"head\r\n\rmore"]
