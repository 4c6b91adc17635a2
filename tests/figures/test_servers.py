"""Pictures of servers' costs and tasks: words, and input that is refused."""

import pytest

from sockets_lab.figures import Waiting, cost_ratios, task_timeline, waiting_costs
from tests.support.sample_figures_servers import RATIOS, WAITS, blocked, ratios, timeline, waits


def test_words_of_waiting_hold_claims_not_numbers() -> None:
    assert waits().words.splitlines() == [
        "calls and CPU time of waiting: "
        "blocking, polling, napping, multiplexed, signalled, asynchronous",
        "the number of calls of polling is more than 100 times that of napping: true",
        "the CPU time of polling is more than 10 times that of blocking: true",
        "the CPU time of blocking is more than 10 times that of polling: false",
    ]


def test_width_does_not_depend_on_numbers() -> None:
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
def test_impossible_waiting_costs_are_refused(
    some: list[Waiting], claims: list[tuple[str, str, float, str]], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        waiting_costs(some, claims=claims)


def test_words_list_ratios_lowest_first() -> None:
    assert ratios().words.splitlines() == [
        "CPU time of a message, in times of C epoll: the median "
        "(and the middle half of the measurements)",
        "a server with a long name, written in full: 1.00 (0.93 to 1.11)",
        "C epoll: 1.00 (1.00 to 1.00)",
        "selectors_loop: 1.28 (1.19 to 1.31)",
        "plain asyncio streams: 4.07 (3.56 to 4.36)",
    ]
    assert len(RATIOS) == 4


@pytest.mark.parametrize("spread", [(0.0, 1.0, 2.0), (2.0, 1.0, 3.0), (1.0, 2.0, float("inf"))])
def test_impossible_ratios_are_refused(spread: tuple[float, float, float]) -> None:
    with pytest.raises(
        ValueError, match=r"give \(lower quartile, median, upper quartile\), above 0"
    ):
        cost_ratios({"a": spread}, base="b", title="")


def test_no_ratios_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        cost_ratios({}, base="b", title="")


def test_words_of_tasks_say_how_each_ended() -> None:
    assert task_timeline(blocked()).words.splitlines() == [
        "tasks in one thread: heart, the other, cut off",
        "two of them running at the same time: no",
        "heart: returned",
        "the other: has not ended",
        "cut off: raised ConnectionResetError",
    ]


def test_words_of_tasks_report_overlap() -> None:
    threads = timeline({"a": [(0.0, 0.2)], "b": [(0.1, 0.3)]})
    assert "running at the same time: yes" in task_timeline(threads).words


def test_empty_timeline_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        task_timeline(timeline({"a": []}))
