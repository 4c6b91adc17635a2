"""Clients, well-behaved and awkward: what a server meets, each under a deadline, and what each saw.

    >>> from sockets_lab import peers
    >>> peers.well_behaved(listener.getsockname(), b"hello", b"hello")
    well behaved: replied, 5 bytes
    >>> for peer in peers.PEERS:
    ...     print(peer(listener.getsockname(), b"hello", b"hello"))

All are called alike, so that a table can compare them:

    peer(address, request, reply=None, *, deadline_s=2.0) -> PeerResult

address: what `getsockname()` of the listener gives, IPv4 or IPv6, on loopback (see `target`).
request: the bytes that ask the server once, framed as it wants them.
reply: the bytes that answer one request; None takes what comes before the end of the stream.
deadline_s: seconds for the whole conversation, connecting and goodbye included.

Each is bounded in bytes too, and closes its socket on every way out. What the network does becomes
the outcome (see `OUTCOMES`); any other OSError, such as EMFILE, goes through untouched.
"""

from sockets_lab.peers.catalogue import PEERS, Peer
from sockets_lab.peers.clients import (
    aborts,
    claims_a_huge_length,
    floods,
    glued,
    half_a_message,
    half_closes,
    never_reads,
    one_byte_at_a_time,
    says_nothing,
    well_behaved,
)
from sockets_lab.peers.moves import finish, reset, send
from sockets_lab.peers.results import OUTCOMES, Outcome, PeerResult
from sockets_lab.peers.targets import target

__all__ = [
    "OUTCOMES",
    "PEERS",
    "Outcome",
    "Peer",
    "PeerResult",
    "aborts",
    "claims_a_huge_length",
    "finish",
    "floods",
    "glued",
    "half_a_message",
    "half_closes",
    "never_reads",
    "one_byte_at_a_time",
    "reset",
    "says_nothing",
    "send",
    "target",
    "well_behaved",
]
