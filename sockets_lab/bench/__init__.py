"""A benchmark of all server models and their peers, side by side on this machine.

Wall-clock times of a shared machine say little. The reliable figure is the server's CPU time for
each message, as a ratio between two servers measured in the same round, one right after the other.
So every round measures every entrant once, each in a fresh process, and begins with a different
one; ratios are taken within a round, and reported as median and quartiles.
"""

from sockets_lab.bench.entrants import entrants
from sockets_lab.bench.outcomes import outcomes
from sockets_lab.bench.results import (
    Bench,
    Table,
    load,
    recorded,
    recorded_outcomes,
    save,
)
from sockets_lab.bench.rounds import Plan, measure

__all__ = [
    "Bench",
    "Plan",
    "Table",
    "entrants",
    "load",
    "measure",
    "outcomes",
    "recorded",
    "recorded_outcomes",
    "save",
]
