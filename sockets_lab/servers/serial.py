"""One client after the other: each has the whole server, and the others wait in the accept queue.

Nothing is simpler, and nothing suffers more from head-of-line blocking: one silent client delays
all others until its idle deadline.
"""

import socket
from threading import Event

from sockets_lab.servers.blocking import accept_until, serve_connection
from sockets_lab.servers.limits import Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener` one by one; see `sockets_lab.servers`."""
    with listener:
        for connection in accept_until(stop, listener):
            serve_connection(connection, service, stop, limits)
