"""Test clients, well-behaved and awkward, each with a deadline and a result.

    >>> from sockets_lab import peers
    >>> peers.well_behaved(listener.getsockname(), b"hello", b"hello")
    well behaved: replied, 5 bytes
    >>> for peer in peers.PEERS:
    ...     print(peer(listener.getsockname(), b"hello", b"hello"))

All have the same signature, so that a table can compare them:

    peer(address, request, reply=None, *, deadline_s=2.0) -> PeerResult

address: as `getsockname()` of the listener returns it, IPv4 or IPv6, on loopback (see `target`).
request: the bytes of one request, framed as the server expects them.
reply: the bytes of one reply; None accepts anything before the end of the stream.
deadline_s: seconds for the whole connection, including connect() and the close.

Each is bounded in bytes too, and always closes its socket. What the network does becomes
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
