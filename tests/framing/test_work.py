"""The cost of decoding, and the example in the module's docstring."""

import doctest
from collections.abc import Iterable
from time import process_time_ns

import pytest

from sockets_lab import framing
from tests.framing.framings import (
    Decoder,
    bytes_of,
    delimited,
    prefixed,
)


@pytest.mark.parametrize(
    "way",
    [delimited(b"\n"), delimited(b"\r\n"), prefixed(4)],
    ids=["one byte", "two bytes", "length"],
)
def test_work_does_not_grow_with_the_buffer(way):
    """Copying or searching the buffer for each byte makes the last quarter 7 times the first."""
    stream = way.encode(b"x" * 2**18)
    assert min(growth(way.decoder(max_length=2**18), stream) for _ in range(3)) < 3


def growth(decoder: Decoder, stream: bytes) -> float:
    """Return the CPU time of the last quarter of a message fed byte by byte, ÷ the first."""
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
