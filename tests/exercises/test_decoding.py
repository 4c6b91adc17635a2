"""Streams for a decoder: cut where they are to be cut, and no answer can hurt the machine."""

import time
import tracemalloc
from collections.abc import Iterator
from math import inf

import pytest

from sockets_lab.exercises import check_decoder
from sockets_lab.exercises.harness.decoding import (
    MakeDecoder,
    expect_messages,
    hear,
    hear_in_turns,
    memory_for,
    scenes_with,
    seconds_for,
)
from sockets_lab.exercises.harness.runner import Failed, NotStarted, Sandbox, behaviour, run
from sockets_lab.framing import LengthDecoder, encode_length
from tests.conftest import Family

MIB = 1 << 20


class Echo:
    """Gives back each piece as a message."""

    def feed(self, data: bytes | bytearray) -> list[str]:
        return [data.decode()]

    def end(self) -> None:
        raise ValueError("it ended")


@pytest.fixture
def bench(family: Family) -> Iterator[Sandbox]:
    with Sandbox(scenes_with(Echo), family.family, 2.0) as bench:
        yield bench


def bench_of(make: MakeDecoder, family: Family) -> Sandbox:
    return Sandbox(scenes_with(make), family.family, 2.0)


def test_pieces_come_as_they_were_cut(bench: Sandbox) -> None:
    assert hear(bench, [b"a", b"bcd", b"ef"]).given == [["a"], ["bcd"], ["ef"]]


def test_end_of_the_stream_is_told(bench: Sandbox) -> None:
    seen = hear(bench, [b"abc"], to_end=True)

    assert (str(seen.error), seen.raised_by) == ("it ended", "end()")


def test_error_of_feed_is_told(bench: Sandbox) -> None:
    seen = hear(bench, [b"abc", b"\xff"])

    assert (type(seen.error), seen.raised_by) == (UnicodeDecodeError, "feed()")
    assert seen.given == [["abc"]]


def test_one_buffer_is_filled_again(family: Family) -> None:
    kept = []

    class Keeps(Echo):
        def feed(self, data: bytes | bytearray) -> list[str]:
            kept.append(data)
            return []

    with bench_of(Keeps, family) as bench:
        hear(bench, [b"abc", b"def"], into=bytearray(3))

    assert kept == [b"def", b"def"]


def test_streams_take_turns(bench: Sandbox) -> None:
    first, second = hear_in_turns(bench, [b"abcd", b"efghi"], size=2)

    assert first.given == [["ab"], ["cd"]]
    assert second.given == [["ef"], ["gh"], ["i"]]


def test_memory_is_that_of_the_decoder(family: Family) -> None:
    class Hoards(Echo):
        def feed(self, data: bytes | bytearray) -> list[str]:
            self.held = getattr(self, "held", b"") + data
            return []

    stream = b"x" * MIB
    with bench_of(Echo, family) as bench:
        little, _ = memory_for(bench, stream)
    with bench_of(Hoards, family) as bench:
        much, _ = memory_for(bench, stream)

    assert little < MIB / 8
    assert much > MIB
    assert not tracemalloc.is_tracing()


def test_tracing_that_ran_before_goes_on(bench: Sandbox) -> None:
    tracemalloc.start()
    try:
        memory_for(bench, b"abc")
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_slow_work_is_given_up(family: Family) -> None:
    class Slow:
        def feed(self, data: bytes) -> None:
            until = time.thread_time() + 0.005
            while time.thread_time() < until:
                pass

    assert seconds_for(Slow, [b"x"] * 10_000, at_most_s=0.01) == inf
    assert seconds_for(LengthDecoder, [b"\0"] * 8) < 1.0


@pytest.mark.ipv4
def test_no_answer_is_told_a_claim_that_could_hurt(family: Family) -> None:
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


def test_whole_report_of_a_message_stays_short(bench: Sandbox) -> None:
    seen = hear(bench, [b"x" * 1000, *[b"y"] * 6])

    with pytest.raises(Failed) as unmet:
        expect_messages(seen, "z")

    assert str(unmet.value) == "a text of 1000 characters, 'y', 'y', 'y' and 3 more"


def test_decoder_without_results_is_not_started(family: Family) -> None:
    class Empty:
        def feed(self, data: bytes | bytearray) -> None:
            return None

        def end(self) -> None:
            return None

    with bench_of(Empty, family) as bench, pytest.raises(NotStarted):  # type: ignore[arg-type]
        hear(bench, [encode_length(b"hello")])


def test_decoder_that_hangs_is_stopped_and_shown() -> None:
    class Hangs(Echo):
        def feed(self, data: bytes | bytearray) -> list[str]:
            while True:
                pass

    @behaviour("hears", expected="an end", hint="stop")
    def hears(bench: Sandbox) -> None:
        hear(bench, [b"abc"])

    (outcome,) = run("Decoder", [hears], scenes_with(Hangs), deadline_s=0.3).outcomes

    assert "comes to no end: it stands in" in outcome.observed
    assert "Hangs.feed(), line" in outcome.observed
