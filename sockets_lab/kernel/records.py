"""Records of the kernel's view of sockets.

`Row` is one line of the kernel's own table of sockets, before it is assigned to a role.
`SocketView` is the same with a role. Numbers of bytes are payload: where the kernel counts SYN and
FIN as a byte of sequence space (RFC 9293, section 3.4), `payload` subtracts it.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

from sockets_lab.addresses import Endpoint

__all__ = ["STATES", "AcceptQueue", "Row", "SocketView", "payload"]

# include/net/tcp_states.h; 12 is a half-open connection, which the kernel reports as SYN_RECV.
STATES: Final = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT_1",
    5: "FIN_WAIT_2",
    6: "TIME_WAIT",
    7: "CLOSED",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "SYN_RECV",
}

_OUR_SYN_OR_FIN_UNACKNOWLEDGED = {"SYN_SENT", "SYN_RECV", "FIN_WAIT_1", "LAST_ACK", "CLOSING"}
_THEIR_FIN_ARRIVED = {"CLOSE_WAIT", "LAST_ACK", "CLOSING", "TIME_WAIT"}


class AcceptQueue(NamedTuple):
    """Completed connections that wait for accept(): how many now, and the limit.

    The kernel refuses a connection only when `now > limit`, so `limit + 1` fit.
    """

    now: int
    limit: int


class Row(NamedTuple):
    """One line of the kernel's table of TCP sockets.

    `held` is True if any process has a descriptor of it (None: not visible here), `inode` is the
    number by which Linux identifies that descriptor's file.
    """

    state: str
    local: Endpoint
    peer: Endpoint | None
    held: bool | None
    inode: int | None = None
    unread: int | None = None
    unsent: int | None = None
    queue: int | None = None
    queue_limit: int | None = None

    def has_port_of(self, ports: Collection[int]) -> bool:
        """Return True if one end has one of these ports."""
        return self.local.port in ports or (self.peer is not None and self.peer.port in ports)


class SocketView(NamedTuple):
    """One socket, or one connection without a socket, as the kernel reports it.

    `state` is TCP's (RFC 9293, section 3.3.2), in capitals. UDP has no states: for a datagram
    socket it is "unbound", "bound" or "connected" (it remembers one peer), in lower case.
    `has_descriptor` is False for a connection that no process holds: not accepted yet, or closed
    while the kernel still ends it; None where this machine cannot see it. `unread` and `unsent`
    are bytes (for a datagram socket `unread` is the size of the next datagram), None where unknown.
    `queue` and `queue_limit` are a listener's accept queue in connections.
    """

    role: str
    kind: str
    state: str
    local: Endpoint | None
    peer: Endpoint | None
    has_descriptor: bool | None = True
    unread: int | None = None
    unsent: int | None = None
    queue: int | None = None
    queue_limit: int | None = None


def payload(state: str, received: int, sent: int) -> tuple[int, int]:
    """Return the bytes unread and unsent, from sequence numbers received and sent in `state`."""
    fin_received = state in _THEIR_FIN_ARRIVED and received > 0
    flag_sent = state in _OUR_SYN_OR_FIN_UNACKNOWLEDGED and sent > 0
    return received - fin_received, sent - flag_sent
