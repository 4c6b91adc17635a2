"""Whom awkward clients may talk to: nobody but this machine."""

from collections.abc import Sequence

from sockets_lab.addresses import Endpoint, endpoint_of, is_loopback
from sockets_lab.capabilities.namespaces import entered

__all__ = ["target"]


def target(address: Sequence[object]) -> Endpoint:
    """The endpoint in `address`, if no packet to it can leave this machine.

    address: (host, port) or (host, port, flow, scope), as `getsockname()` gives it, on loopback.
        In a process that has moved into a private network (see `sockets_lab.netns`) any address
        will do: there is no way out of it.

    ValueError for an address that other machines may have, or for a name; TypeError for what is no
    address.
    """
    endpoint = endpoint_of(address)
    if not is_loopback(endpoint.host) and not entered():
        raise ValueError(
            f"{endpoint.host!r} may be another machine, and peers talk only to your own: let the "
            "server listen on '127.0.0.1' or '::1', or run both in a private network"
        )
    return endpoint
