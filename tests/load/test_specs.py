"""Load specifications: their defaults, and that they cannot be changed."""

from dataclasses import FrozenInstanceError

import pytest

from sockets_lab.load import Churn, ClosedLoop, OpenLoop


@pytest.mark.parametrize(("messages", "warm_up"), [(10, 100), (5_000, 500)])
def test_default_warm_up_is_a_tenth(messages: int, warm_up: int) -> None:
    assert ClosedLoop(connections=1, messages=messages).warm_up_requests == warm_up
    assert Churn(connections=messages).warm_up_requests == warm_up


def test_open_loop_counts_rate_times_seconds() -> None:
    spec = OpenLoop(connections=1, rate=40, seconds=2, warm_up_s=0.5)
    assert (spec.wanted, spec.warm_up_requests, spec.sending_s) == (80, 20, 2)


def test_churn_may_make_more_than_are_open() -> None:
    assert Churn(connections=100_000).wanted == 100_000
    with pytest.raises(ValueError, match="at_once is 100000: give "):
        Churn(connections=1, at_once=100_000)


def test_a_specification_cannot_be_changed() -> None:
    spec = ClosedLoop(connections=1, messages=1)
    with pytest.raises(FrozenInstanceError):
        spec.messages = 2  # type: ignore[misc]
