"""Restrict test clients to loopback and private networks."""

from collections.abc import Sequence

from sockets_lab.addresses import Endpoint, endpoint_of, is_loopback
from sockets_lab.capabilities.namespaces import entered

__all__ = ["target"]


def target(address: Sequence[object]) -> Endpoint:
    """Return the endpoint in `address`, if no packet to it can leave this machine.

    address: (host, port) or (host, port, flow, scope), as `getsockname()` gives it, on loopback.
        In a process that has moved into a private network (see `sockets_lab.netns`) any address
        is allowed: no packet can leave it.

    Raises ValueError for an address that other machines may have, or for a name; TypeError for
    anything else.
    """
    endpoint = endpoint_of(address)
    if not is_loopback(endpoint.host) and not entered():
        raise ValueError(
            f"{endpoint.host!r} may be another machine, and peers connect only to your own: let "
            "the server listen on '127.0.0.1' or '::1', or run both in a private network"
        )
    return endpoint
