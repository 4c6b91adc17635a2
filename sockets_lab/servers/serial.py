"""One client after the other: each has the whole server, and the others wait in the accept queue.

Nothing is simpler, and one client that falls silent holds everybody up until its idle deadline.
"""

import socket
from threading import Event

from sockets_lab.servers.blocking import accepted, talk
from sockets_lab.servers.limits import Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener` one by one; see `sockets_lab.servers`."""
    with listener:
        for connection in accepted(listener, stop):
            talk(connection, service, stop, limits)
