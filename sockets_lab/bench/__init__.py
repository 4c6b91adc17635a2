"""All server models and their peers, measured side by side on the machine at hand.

Wall-clock times of a shared machine say little. What can be trusted is CPU time of the server for
each message, as a ratio between two servers that were measured in the same round, one right after
the other. So every round measures every entrant once, each in a fresh process, and begins with
another one; ratios are taken within a round, and told as their median and quartiles.
"""

from sockets_lab.bench.entrants import Entrant, entrants
from sockets_lab.bench.goals import GOALS, Goal
from sockets_lab.bench.outcomes import outcomes
from sockets_lab.bench.results import (
    Bench,
    Spread,
    Table,
    load,
    recorded,
    recorded_outcomes,
    save,
)
from sockets_lab.bench.rounds import TABLES, Plan, measure

__all__ = [
    "GOALS",
    "TABLES",
    "Bench",
    "Entrant",
    "Goal",
    "Plan",
    "Spread",
    "Table",
    "entrants",
    "load",
    "measure",
    "outcomes",
    "recorded",
    "recorded_outcomes",
    "save",
]
