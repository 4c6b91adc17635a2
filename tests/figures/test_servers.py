"""What the pictures of servers say in words, and what they refuse to draw."""

import pytest

from sockets_lab.figures import Waiting, cost_ratios, task_timeline, waiting_costs
from tests.support.sample_figures_servers import RATIOS, WAITS, blocked, ratios, timeline, waits


def test_ways_to_wait_tell_claims_and_no_numbers() -> None:
    assert waits().words.splitlines() == [
        "calls and CPU time of waiting: "
        "blocking, polling, napping, multiplexed, signalled, asynchronous",
        "the number of calls of polling is more than 100 times that of napping: true",
        "the CPU time of polling is more than 10 times that of blocking: true",
        "the CPU time of blocking is more than 10 times that of polling: false",
    ]


def test_their_width_does_not_depend_on_what_was_measured() -> None:
    few = [one._replace(calls=1, cpu_s=0.001) for one in WAITS]
    assert waiting_costs(few).width == waiting_costs(WAITS).width


@pytest.mark.parametrize(
    ("some", "claims", "words"),
    [
        ([], [], "nothing to draw"),
        ([Waiting("a", 0, 0.1)], [], "give 1 call or more"),
        ([Waiting("a", 1, -1.0)], [], "from 0 upwards"),
        ([Waiting("a", 1, 0.1)], [("calls", "b", 1, "a")], "nothing was measured of 'b'"),
        ([Waiting("a", 1, 0.1)], [("wakes", "a", 1, "a")], "no quantity 'wakes'"),
    ],
)
def test_ways_to_wait_refuse_what_cannot_be(
    some: list[Waiting], claims: list[tuple[str, str, float, str]], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        waiting_costs(some, claims=claims)


def test_ratios_are_told_from_the_lowest_up() -> None:
    assert ratios().words.splitlines() == [
        "CPU time of a message, in times of C epoll: the median, and half of the measurements "
        "within",
        "a server with a name that is told in full: 1.00 (0.93 to 1.11)",
        "C epoll: 1.00 (1.00 to 1.00)",
        "selectors_loop: 1.28 (1.19 to 1.31)",
        "plain asyncio streams: 4.07 (3.56 to 4.36)",
    ]
    assert len(RATIOS) == 4


@pytest.mark.parametrize("spread", [(0.0, 1.0, 2.0), (2.0, 1.0, 3.0), (1.0, 2.0, float("inf"))])
def test_ratios_refuse_what_is_none(spread: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="give quartiles and median, above 0"):
        cost_ratios({"a": spread}, base="b", title="")


def test_ratios_refuse_an_empty_table() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        cost_ratios({}, base="b", title="")


def test_tasks_tell_who_ran_and_how_it_ended() -> None:
    assert task_timeline(blocked()).words.splitlines() == [
        "tasks in one thread: heart, the other, cut off",
        "two of them running at the same time: no",
        "heart: returned",
        "the other: has not ended",
        "cut off: raised ConnectionResetError",
    ]


def test_tasks_that_overlap_are_said_to() -> None:
    threads = timeline({"a": [(0.0, 0.2)], "b": [(0.1, 0.3)]})
    assert "running at the same time: yes" in task_timeline(threads).words


def test_tasks_refuse_an_empty_timeline() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        task_timeline(timeline({"a": []}))
