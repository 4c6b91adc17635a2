"""What this machine can do, found out by trying.

The course does more where a machine allows more, and says so where it does not: each `Capability`
has
the words for both. Nothing is tried before it is asked for; an answer is kept for the life of the
process. SOCKETS_LAB_WITHOUT=ipv6,sock-diag (names with commas between) switches capabilities off,
to
see the course as another machine shows it; it may change at any time.
"""

from sockets_lab.capabilities.catalogue import (
    CAPABILITIES,
    SWITCH,
    Capability,
    Unavailable,
    all_capabilities,
    capability,
    has,
    require,
)
from sockets_lab.capabilities.machine_facts import Machine, machine

__all__ = [
    "CAPABILITIES",
    "SWITCH",
    "Capability",
    "Machine",
    "Unavailable",
    "all_capabilities",
    "capability",
    "has",
    "machine",
    "require",
]
