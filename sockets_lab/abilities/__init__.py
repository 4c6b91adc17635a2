"""What this machine can do, found out by trying.

The course does more where a machine allows more, and says so where it does not: each `Ability` has
the words for both. Nothing is tried before it is asked for; an answer is kept for the life of the
process. SOCKETS_LAB_WITHOUT=ipv6,sock-diag (names with commas between) switches abilities off, to
see the course as another machine shows it; it may change at any time.
"""

from sockets_lab.abilities.catalogue import (
    ABILITIES,
    SWITCH,
    Ability,
    Unavailable,
    ability,
    all_abilities,
    has,
    require,
)
from sockets_lab.abilities.computer import Machine, machine

__all__ = [
    "ABILITIES",
    "SWITCH",
    "Ability",
    "Machine",
    "Unavailable",
    "ability",
    "all_abilities",
    "has",
    "machine",
    "require",
]
