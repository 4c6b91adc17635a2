"""Latencies of many messages, in a histogram that is as precise in the tail as in the middle.

An average hides the tail, and a list of every latency grows without bound. An HdrHistogram (High
Dynamic Range, Gil Tene) has buckets whose width grows with the value: here three digits of any
latency are kept, from below a microsecond to ten minutes, in a bounded number of counters.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from hdrh.histogram import HdrHistogram

__all__ = ["Latencies", "Step"]

# Below about 130 microseconds a bucket is this wide. A power of two, so that latencies can be
# grouped by a shift before they are counted one by one in Python.
_FINEST_BITS: Final = 6
_FINEST_NS: Final = 1 << _FINEST_BITS
_LONGEST_NS: Final = 600 * 10**9
_DIGITS: Final = 3
_NS: Final = 1e-9


class Step(NamedTuple):
    """One step of the distribution: `share` of the messages took `latency_s` seconds or less."""

    latency_s: float
    share: float


class Latencies:
    """How long messages took, as percentiles in seconds.

    `histogram` is the `HdrHistogram` behind them, in nanoseconds. Its values may be 0.1 % above the
    true ones, or 64 ns where that is more.
    """

    def __init__(self, histogram: HdrHistogram) -> None:
        self.histogram = histogram

    @classmethod
    def of(cls, nanoseconds: Iterable[int]) -> "Latencies":
        """Count latencies given in nanoseconds; what is longer than ten minutes counts as that."""
        histogram = HdrHistogram(_FINEST_NS, _LONGEST_NS, _DIGITS)
        for group, count in Counter(each >> _FINEST_BITS for each in nanoseconds).items():
            histogram.record_value(min(group << _FINEST_BITS, _LONGEST_NS), count)
        return cls(histogram)

    @classmethod
    def decode(cls, text: str) -> "Latencies":
        """Read what `encode` wrote."""
        return cls(HdrHistogram.decode(text))

    def encode(self) -> str:
        """Return the histogram as text, in HdrHistogram's own format (V2, compressed, base64)."""
        encoded: bytes = self.histogram.encode()
        return encoded.decode("ascii")

    @property
    def count(self) -> int:
        """Return how many messages were counted."""
        return int(self.histogram.get_total_count())

    @property
    def largest_s(self) -> float:
        """Return the longest latency in seconds; 0 if there is none."""
        return float(self.histogram.get_max_value()) * _NS if self.count else 0.0

    def percentile_s(self, percent: float) -> float:
        """Return the seconds within which `percent` of the messages were answered.

        `percent` is from 0 to 100: 50 gives the median, 99 what one message in a hundred exceeds.
        ValueError for another number, and where no message was counted.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"there is no percentile {percent!r}: give a number from 0 to 100")
        if not self.count:
            raise ValueError("no message was counted, so there is no percentile")
        return float(self.histogram.get_value_at_percentile(percent)) * _NS

    def steps(self) -> list[Step]:
        """Return the whole distribution, from the shortest latency to the longest."""
        total, seen, steps = self.count, 0, []
        for item in self.histogram.get_recorded_iterator():
            seen += item.count_added_in_this_iter_step
            steps.append(Step(item.value_iterated_to * _NS, seen / total))
        return steps

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return _decode, (self.encode(),)

    def __repr__(self) -> str:
        return f"<latencies of {self.count} messages>"


def _decode(text: str) -> Latencies:
    return Latencies.decode(text)
