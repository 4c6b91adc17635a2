"""Streams for a decoder: cut exactly where a probe wants, and harmless to the machine."""

import time
import tracemalloc
from collections.abc import Iterator
from math import inf

import pytest

from sockets_lab.exercises import check_decoder
from sockets_lab.exercises.harness.decoding import (
    MakeDecoder,
    caller_of,
    cpu_seconds,
    decode,
    decode_in_turns,
    peak_memory,
)
from sockets_lab.exercises.harness.runner import Behaviours, Failed, NotStarted, Sandbox
from sockets_lab.framing import LengthDecoder, encode_length
from tests.conftest import Family

MIB = 1 << 20


class Echo:
    """Returns each piece as a message."""

    def feed(self, data: bytes | bytearray) -> list[str]:
        return [data.decode()]

    def end(self) -> None:
        raise ValueError("it ended")


@pytest.fixture
def sandbox(family: Family) -> Iterator[Sandbox]:
    with Sandbox(caller_of(Echo), family.family, 2.0) as sandbox:
        yield sandbox


def sandbox_of(make: MakeDecoder, family: Family) -> Sandbox:
    return Sandbox(caller_of(make), family.family, 2.0)


def test_pieces_come_as_they_were_cut(sandbox: Sandbox) -> None:
    assert decode(sandbox, [b"a", b"bcd", b"ef"]).given == [["a"], ["bcd"], ["ef"]]


def test_end_of_stream_is_passed_on(sandbox: Sandbox) -> None:
    seen = decode(sandbox, [b"abc"], to_end=True)

    assert (str(seen.error), seen.raised_by) == ("it ended", "end()")


def test_error_of_feed_is_kept(sandbox: Sandbox) -> None:
    seen = decode(sandbox, [b"abc", b"\xff"])

    assert (type(seen.error), seen.raised_by) == (UnicodeDecodeError, "feed()")
    assert seen.given == [["abc"]]


def test_one_buffer_is_filled_again(family: Family) -> None:
    kept = []

    class Keeps(Echo):
        def feed(self, data: bytes | bytearray) -> list[str]:
            kept.append(data)
            return []

    with sandbox_of(Keeps, family) as sandbox:
        decode(sandbox, [b"abc", b"def"], into=bytearray(3))

    assert kept == [b"def", b"def"]


def test_streams_take_turns(sandbox: Sandbox) -> None:
    first, second = decode_in_turns(sandbox, [b"abcd", b"efghi"], size=2)

    assert first.given == [["ab"], ["cd"]]
    assert second.given == [["ef"], ["gh"], ["i"]]


def test_memory_is_that_of_the_decoder(family: Family) -> None:
    class Hoards(Echo):
        def feed(self, data: bytes | bytearray) -> list[str]:
            self.held = getattr(self, "held", b"") + data
            return []

    stream = b"x" * MIB
    with sandbox_of(Echo, family) as sandbox:
        little, _ = peak_memory(sandbox, stream)
    with sandbox_of(Hoards, family) as sandbox:
        much, _ = peak_memory(sandbox, stream)

    assert little < MIB / 8
    assert much > MIB
    assert not tracemalloc.is_tracing()


def test_tracing_that_ran_before_goes_on(sandbox: Sandbox) -> None:
    tracemalloc.start()
    try:
        peak_memory(sandbox, b"abc")
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_slow_work_is_cut_short(family: Family) -> None:
    class Slow:
        def feed(self, data: bytes) -> None:
            until = time.thread_time() + 0.005
            while time.thread_time() < until:
                pass

    assert cpu_seconds(Slow, [b"x"] * 10_000, at_most_s=0.01) == inf
    assert cpu_seconds(LengthDecoder, [b"\0"] * 8) < 1.0


@pytest.mark.ipv4
def test_announced_lengths_are_harmless(family: Family) -> None:
    claims = []

    class Trusts:
        def __init__(self) -> None:
            self.held = b""

        def feed(self, data: bytes | bytearray) -> list[str]:
            self.held += data
            claim = int.from_bytes(self.held[:4], "big")
            claims.append(claim)
            self.room = bytearray(min(claim, 64 * MIB))
            raise ValueError("too long")

        def end(self) -> None:
            return None

    check_decoder(Trusts)

    assert max(claims) == 64 * MIB


def test_messages_are_reported_briefly(sandbox: Sandbox) -> None:
    seen = decode(sandbox, [b"x" * 1000, *[b"y"] * 6])

    with pytest.raises(Failed) as failed:
        seen.expect("z")

    assert str(failed.value) == "a text of 1000 characters, 'y', 'y', 'y' and 3 more"


def test_decoder_without_results_is_not_started(family: Family) -> None:
    class Empty:
        def feed(self, data: bytes | bytearray) -> None:
            return None

        def end(self) -> None:
            return None

    with sandbox_of(Empty, family) as sandbox, pytest.raises(NotStarted):  # type: ignore[arg-type]
        decode(sandbox, [encode_length(b"hello")])


def test_hanging_decoder_is_located() -> None:
    class Hangs(Echo):
        def feed(self, data: bytes | bytearray) -> list[str]:
            while True:
                pass

    behaviours = Behaviours("Decoder", deadline_s=0.3)

    @behaviours("decodes", expected="an end", hint="stop")
    def decodes(sandbox: Sandbox) -> None:
        decode(sandbox, [b"abc"])

    (result,) = behaviours.check(caller_of(Hangs)).results

    assert "did not return: blocked in" in result.observed
    assert "Hangs.feed(), line" in result.observed
