"""Table of all peers, in the order in which they are taught."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sockets_lab.peers import clients
from sockets_lab.peers.results import PeerResult

__all__ = ["PEERS", "Peer"]


class Peer(NamedTuple):
    """Peer with its line in a table; call it like its function.

    does: what the client does
    good_server: what a good server does then
    """

    function: Callable[..., PeerResult]
    does: str
    good_server: str

    @property
    def name(self) -> str:
        """Return the peer's name in words, as in `PeerResult`."""
        return self.function.__name__.replace("_", " ")

    def __call__(
        self,
        address: Sequence[object],
        request: bytes,
        reply: bytes | None = None,
        *,
        deadline_s: float = 2.0,
        **options: object,
    ) -> PeerResult:
        """Call the function."""
        return self.function(address, request, reply, deadline_s=deadline_s, **options)

    def __str__(self) -> str:
        return f"{self.name}: {self.does}; a good server {self.good_server}"

    def __repr__(self) -> str:
        return str(self)


PEERS: Final = (
    Peer(
        clients.well_behaved,
        does="sends a request, reads the whole reply, then finishes",
        good_server="replies, and closes when the client has finished",
    ),
    Peer(
        clients.one_byte_at_a_time,
        does="sends every byte of a request separately",
        good_server="waits until the request is whole, then replies",
    ),
    Peer(
        clients.glued,
        does="sends several requests in one piece",
        good_server="replies to each of them, in order",
    ),
    Peer(
        clients.half_a_message,
        does="sends half of a request, and says nothing more",
        good_server="waits for the rest, but not for ever, and then closes",
    ),
    Peer(
        clients.half_closes,
        does="finishes right after its request, and goes on reading",
        good_server="still sends the whole reply, then closes",
    ),
    Peer(
        clients.aborts,
        does="sends half of a request, and resets the connection",
        good_server="closes this connection, and goes on with the others",
    ),
    Peer(
        clients.never_reads,
        does="sends request after request, and reads no reply",
        good_server="stops reading from it until its replies can leave",
    ),
    Peer(
        clients.says_nothing,
        does="connects, and says nothing",
        good_server="serves the others meanwhile, and closes after a time",
    ),
    Peer(
        clients.claims_a_huge_length,
        does="announces a message of 4 GiB, and sends a few bytes of it",
        good_server="closes immediately, and sets no memory aside",
    ),
    Peer(
        clients.floods,
        does="sends request after request, as fast as it can",
        good_server="replies to all, and serves the others meanwhile",
    ),
)
