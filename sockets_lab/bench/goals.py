"""The performance goals of the course's servers: upper limits of ratios."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sockets_lab.bench.entrants import ASYNCIO, ASYNCIO_WARM, BASE, UVLOOP
from sockets_lab.bench.results import Bench, Spread
from sockets_lab.bench.tls_peers import ASYNCIO_TLS, UVLOOP_TLS

__all__ = ["GOALS", "Goal", "measured_goals"]


class Goal(NamedTuple):
    """An upper limit: in `table`, the value of `name` ÷ that of `to` is `at_most` or less."""

    table: str
    name: str
    to: str
    at_most: float

    def __str__(self) -> str:
        return f"{self.table}: {self.name} ÷ {self.to}"


GOALS: Final = (
    Goal("echo", "epoll_loop", BASE, 1.20),
    Goal("echo", "epoll_loop", UVLOOP, 0.95),
    Goal("echo", "selectors_loop", BASE, 1.35),
    Goal("echo", "selectors_loop", UVLOOP, 1.15),
    Goal("echo", "selectors_loop", ASYNCIO_WARM, 0.5),
    Goal("echo", "coroutine_loop", UVLOOP, 1.6),
    Goal("echo", "coroutine_loop", ASYNCIO, 0.4),
    Goal("echo", "threaded", BASE, 2.5),
    Goal("churn", "epoll_loop", BASE, 1.3),
    Goal("churn", "epoll_loop", UVLOOP, 0.95),
    Goal("memory", "epoll_loop", UVLOOP, 0.4),
    Goal("crowd", "epoll_loop, many idle", "epoll_loop", 1.2),
    Goal("crowd", "selectors_loop, many idle", "selectors_loop", 1.2),
    Goal("handshake", "selectors_loop, TLS", UVLOOP_TLS, 1.1),
    Goal("handshake", "selectors_loop, TLS", ASYNCIO_TLS, 0.9),
)


def measured_goals(bench: Bench) -> Iterator[tuple[Goal, Spread]]:
    """Yield the goals whose entrants were measured, each with its measured ratio."""
    measured = {table.name: table for table in bench.tables}
    for goal in GOALS:
        table = measured.get(goal.table)
        if table and goal.name in table.values and goal.to in table.values:
            yield goal, table.ratio(goal.name, goal.to)
