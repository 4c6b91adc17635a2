"""What a decoder costs, in times of a plain loop that does the same job and trusts its peer.

    python -m tools.measure.framing_throughput [ROUNDS]

The stream is messages of 64 bytes, read in chunks of 64 KiB; nothing is sent, since a decoder does
no I/O. The plain loops keep what is left of a chunk for the next one, as they must, but check no
length and take no hostile split: one is `bytes.split`, the other `struct` and slices. Rounds are
interleaved, the ratio of CPU time is taken within each round, and medians are printed with their
quartiles. The delimiter's decoder is measured twice, since it must measure each message only where
a chunk is longer than a message may be.

Then memory: the peak that tracemalloc saw over 10 MB of stream, and over 1 GB.
"""

import struct
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from statistics import median, quantiles
from time import process_time_ns

from sockets_lab.framing import DelimiterDecoder, LengthDecoder, encode_delimited, encode_length

CHUNK = 65_536
SMALL = b"x" * 64
SIZES = (68, 49_152)  # bytes with the mark; the large ones begin at four places of a chunk in turn

Feed = Callable[[bytes], list[bytes]]


def main(rounds: int = 41) -> None:
    """Print the ratios of `rounds` rounds of each decoder, then its memory."""
    lines, lengths = chunks_of(encode_delimited(SMALL)), chunks_of(encode_length(SMALL))
    plain_lines, plain_lengths = PlainLines, PlainLengths
    short = partial(DelimiterDecoder, max_length=1024)
    show("delimiter / split", measure(DelimiterDecoder, plain_lines, lines, rounds))
    show("delimiter, max_length=1024 / split", measure(short, plain_lines, lines, rounds))
    show("length / struct", measure(LengthDecoder, plain_lengths, lengths, rounds))
    for size in SIZES:
        show_memory("delimiter", DelimiterDecoder, encode_delimited(b"x" * (size - 1)))
        show_memory("length", LengthDecoder, encode_length(b"x" * (size - 4)))


def show(setting: str, ratios: list[float]) -> None:
    low, _, high = quantiles(ratios, n=4)
    print(f"{setting}: {median(ratios):.2f} ({low:.2f} to {high:.2f})")


def measure(decoder: Callable, plain: Callable, chunks: list[bytes], rounds: int) -> list[float]:
    """Ratios decoder / plain loop, one a round."""
    if decode(decoder().feed, chunks) != decode(plain().feed, chunks):
        raise RuntimeError("the plain loop does another job than the decoder")
    return [
        cpu_time(decoder().feed, chunks) / cpu_time(plain().feed, chunks) for _ in range(rounds)
    ]


class PlainLines:
    """Splits each chunk, and keeps the last piece for the next."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        *messages, self.rest = (self.rest + data).split(b"\n")
        return messages


class PlainLengths:
    """Reads a length, slices a message, and keeps what is left for the next chunk."""

    def __init__(self) -> None:
        self.rest = b""
        self.unpack = struct.Struct("!I").unpack_from

    def feed(self, data: bytes) -> list[bytes]:
        data = self.rest + data
        unpack, size = self.unpack, len(data)
        messages, start = [], 0
        while size - start >= 4:
            (length,) = unpack(data, start)
            stop = start + 4 + length
            if stop > size:
                break
            messages.append(data[start + 4 : stop])
            start = stop
        self.rest = data[start:]
        return messages


def chunks_of(encoded: bytes) -> list[bytes]:
    """Return the shortest stream of whole chunks and whole messages, so that it can be repeated."""
    stream = encoded * CHUNK
    return [stream[at : at + CHUNK] for at in range(0, len(stream), CHUNK)]


def decode(feed: Feed, chunks: Iterable[bytes]) -> list[bytes]:
    return [message for chunk in chunks for message in feed(chunk)]


def cpu_time(feed: Feed, chunks: list[bytes]) -> int:
    """Nanoseconds of this process for all chunks."""
    began = process_time_ns()
    for chunk in chunks:
        feed(chunk)
    return process_time_ns() - began


def show_memory(kind: str, decoder: Callable, encoded: bytes) -> None:
    short, long = (peak(decoder().feed, stream(encoded, size)) for size in (10**7, 10**9))
    print(
        f"{kind}, {len(encoded)} bytes a message with its mark: peak {short / 1024:.0f} KiB over "
        f"10 MB, {long / 1024:.0f} KiB over 1 GB"
    )


def stream(encoded: bytes, size: int) -> Iterator[bytes]:
    """Chunks of `size` bytes of stream; each is made when it is asked for."""
    repeated = encoded * (CHUNK // len(encoded) + 2)
    for at in range(0, size, CHUNK):
        begin = at % len(encoded)
        yield repeated[begin : begin + CHUNK]


def peak(feed: Feed, chunks: Iterator[bytes]) -> int:
    """Most bytes allocated at once while all chunks are decoded."""
    tracemalloc.start()
    try:
        for chunk in chunks:
            feed(chunk)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
