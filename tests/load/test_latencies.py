"""The histogram of latencies: what it keeps, with a precision of three digits."""

import pickle
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockets_lab.load import Latencies


def test_keeps_three_digits_of_any_latency() -> None:
    nanoseconds = [1_000, 55_555, 123_456_789, 59_876_543_210]
    latencies = Latencies.of(nanoseconds)
    shown = [step.latency_s * 1e9 for step in latencies.steps()]
    assert shown == pytest.approx(nanoseconds, rel=0.002, abs=64)
    assert [step.share for step in latencies.steps()] == [0.25, 0.5, 0.75, 1.0]


@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=300), st.floats(0, 100))
@settings(deadline=None, max_examples=60)
def test_percentiles_match_the_sorted_list(taken: list[int], percent: float) -> None:
    latencies = Latencies.of(array("q", taken))
    rank = max(1, int(percent * len(taken) / 100 + 0.5))
    true = sorted(taken)[rank - 1] * 1e-9
    assert latencies.count == len(taken)
    assert latencies.percentile_s(percent) == pytest.approx(true, rel=0.002, abs=130e-9)
    assert latencies.largest_s == pytest.approx(max(taken) * 1e-9, rel=0.002, abs=130e-9)


def test_counts_latencies_beyond_ten_minutes() -> None:
    assert Latencies.of([10**15]).count == 1


def test_latencies_can_be_encoded_and_pickled() -> None:
    latencies = Latencies.of([1_000_000, 2_000_000, 2_000_000])
    for again in (Latencies.decode(latencies.encode()), pickle.loads(pickle.dumps(latencies))):
        assert again.steps() == latencies.steps()
        assert repr(again) == "<latencies of 3 messages>"


def test_refuses_a_percentile_of_nothing() -> None:
    assert Latencies.of([]).largest_s == 0
    with pytest.raises(ValueError, match="no message was counted"):
        Latencies.of([]).percentile_s(50)
    with pytest.raises(ValueError, match="there is no percentile 101"):
        Latencies.of([1]).percentile_s(101)
