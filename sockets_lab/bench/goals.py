"""What the servers of the course are held to: ratios, each at most so much."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sockets_lab.bench.entrants import ASYNCIO, ASYNCIO_WARM, BASE, UVLOOP
from sockets_lab.bench.results import Bench, Spread
from sockets_lab.bench.tls_peers import ASYNCIO_TLS, UVLOOP_TLS

__all__ = ["GOALS", "Goal", "judged"]


class Goal(NamedTuple):
    """In table `table`, `name` is at most `at_most` times `to`."""

    table: str
    name: str
    to: str
    at_most: float

    def __str__(self) -> str:
        return f"{self.table}: {self.name} ÷ {self.to}"


GOALS: Final = (
    Goal("echo", "readiness_fast", BASE, 1.20),
    Goal("echo", "readiness_fast", UVLOOP, 0.95),
    Goal("echo", "readiness", BASE, 1.35),
    Goal("echo", "readiness", UVLOOP, 1.15),
    Goal("echo", "readiness", ASYNCIO_WARM, 0.5),
    Goal("echo", "coroutines_fast", UVLOOP, 1.6),
    Goal("echo", "coroutines_fast", ASYNCIO, 0.4),
    Goal("echo", "threaded", BASE, 2.5),
    Goal("churn", "readiness_fast", BASE, 1.3),
    Goal("churn", "readiness_fast", UVLOOP, 0.95),
    Goal("memory", "readiness_fast", UVLOOP, 0.4),
    Goal("crowd", "readiness_fast, many idle", "readiness_fast", 1.2),
    Goal("crowd", "readiness, many idle", "readiness", 1.2),
    Goal("handshake", "readiness, TLS", UVLOOP_TLS, 1.1),
    Goal("handshake", "readiness, TLS", ASYNCIO_TLS, 0.9),
)


def judged(bench: Bench) -> Iterator[tuple[Goal, Spread]]:
    """The goals that were measured, each with the ratio that came out."""
    measured = {table.name: table for table in bench.tables}
    for goal in GOALS:
        table = measured.get(goal.table)
        if table and goal.name in table.values and goal.to in table.values:
            yield goal, table.ratio(goal.name, goal.to)
