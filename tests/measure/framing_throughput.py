"""What the decoders of `sockets_lab.framing` cost, in times of a plain loop that does the same.

    python -m tests.measure.framing_throughput [ROUNDS]

The stream is messages of 64 bytes, in chunks of 64 KiB that begin and end anywhere. The plain loops
keep what is left of a chunk for the next, as they must, and check nothing: one splits lines, one
reads lengths with `struct`. Rounds are interleaved; ratios of CPU time are taken within each round,
and medians printed with their quartiles. Then a gigabyte goes through each decoder, and the most
memory that Python held at any moment is compared with that of ten megabytes.
"""

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from statistics import median, quantiles
from struct import unpack_from
from time import process_time_ns

from sockets_lab.framing import DelimiterDecoder, LengthDecoder, encode_delimited, encode_length

MESSAGE = b"x" * 64
CHUNK = 65_536
MEGABYTE = 1_000_000

Feed = Callable[[bytes], list[bytes]]


def main(rounds: int = 21) -> None:
    """Print the ratios of `rounds` rounds, and the memory of a long stream."""
    pairs = (
        ("lines", encode_delimited(MESSAGE), lambda: DelimiterDecoder().feed, PlainLines),
        ("lengths", encode_length(MESSAGE), lambda: LengthDecoder().feed, PlainLengths),
    )
    for name, encoded, decoder, plain in pairs:
        chunks = list(chunked(encoded, 4 * MEGABYTE))
        ratios = [seconds(decoder(), chunks) / seconds(plain(), chunks) for _ in range(rounds + 1)]
        low, _, high = quantiles(ratios[1:], n=4)  # the first was to warm up
        print(f"{name}, decoder ÷ plain loop: {median(ratios[1:]):.2f} ({low:.2f} to {high:.2f})")
        peaks = [peak_kib(decoder(), encoded, size) for size in (10 * MEGABYTE, 1000 * MEGABYTE)]
        print(f"{name}, peak at 10 MB and at 1 GB: {peaks[0]:.0f} and {peaks[1]:.0f} KiB")


class PlainLines:
    """Splits at line ends, and trusts its peer."""

    def __init__(self) -> None:
        self.rest = b""

    def __call__(self, data: bytes) -> list[bytes]:
        *messages, self.rest = (self.rest + data).split(b"\n")
        return messages


class PlainLengths:
    """Cuts at the lengths that are claimed, and trusts its peer."""

    def __init__(self) -> None:
        self.rest = b""

    def __call__(self, data: bytes) -> list[bytes]:
        data = self.rest + data
        messages, at = [], 0
        while at + 4 <= len(data):
            (length,) = unpack_from(">I", data, at)
            end = at + 4 + length
            if end > len(data):
                break
            messages.append(data[at + 4 : end])
            at = end
        self.rest = data[at:]
        return messages


def chunked(encoded: bytes, size: int) -> Iterator[bytes]:
    """The stream of `size` bytes in chunks; each begins where the last ended."""
    repeated = encoded * (2 * CHUNK // len(encoded) + 1)
    for at in range(0, size, CHUNK):
        begin = at % len(encoded)
        yield repeated[begin : begin + CHUNK]


def seconds(feed: Feed, chunks: list[bytes]) -> float:
    before = process_time_ns()
    for chunk in chunks:
        feed(chunk)
    return (process_time_ns() - before) / 1e9


def peak_kib(feed: Feed, encoded: bytes, size: int) -> float:
    tracemalloc.start()
    try:
        for chunk in chunked(encoded, size):
            feed(chunk)
        return tracemalloc.get_traced_memory()[1] / 1024
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
