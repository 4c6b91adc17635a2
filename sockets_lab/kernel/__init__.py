"""Read the kernel's view of sockets: states, queues, options and counters.

`look()` returns a snapshot of some sockets and of everything connected to them, by role;
`state_of`, `accept_queue`, `unread`, `unsent`, `options` and `counters` each return one value. Some
changes reach the kernel's table only a moment after the call that caused them: `until()` waits for
them, `watch()` records a history.

On Linux the answers come from TCP_INFO, two ioctls and sock_diag or /proc/net/tcp, without any
privilege; elsewhere from psutil, and `Snapshot.unseen` lists what is missing.
"""

from sockets_lab.capabilities import Unavailable
from sockets_lab.kernel.counters import Counters, counters
from sockets_lab.kernel.history import History, NotSeen, Sample, until, watch
from sockets_lab.kernel.look import look
from sockets_lab.kernel.options import options
from sockets_lab.kernel.queries import accept_queue, state_of, unread, unsent
from sockets_lab.kernel.records import AcceptQueue, SocketView
from sockets_lab.kernel.snapshot import Snapshot

__all__ = [
    "AcceptQueue",
    "Counters",
    "History",
    "NotSeen",
    "Sample",
    "Snapshot",
    "SocketView",
    "Unavailable",
    "accept_queue",
    "counters",
    "look",
    "options",
    "state_of",
    "unread",
    "unsent",
    "until",
    "watch",
]
