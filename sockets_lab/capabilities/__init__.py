"""Find out what this machine can do, by trying.

The course shows more where a machine allows more, and says so where it does not: each `Capability`
holds the words for both. A capability is tried when it is first asked for, and the result is kept
for the life of the process. SOCKETS_LAB_WITHOUT=ipv6,sock-diag (names separated by commas) switches
capabilities off, to see the course as another machine shows it; it may change at any time.

The module `namespaces` is not part of this face: `netns` and `peers`, which enter private networks,
import it directly, and it must also run as a program without the package.
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
