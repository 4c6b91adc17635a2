"""A thread for each connection: whoever waits for a client holds nobody up but that client.

Nothing bounds the number of threads but the machine. When it gives no more, the next client waits
until another has left.
"""

import socket
from threading import Event, Thread, current_thread

from sockets_lab.servers.blocking import accepted, talk
from sockets_lab.servers.limits import PAUSE_S, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve each client of `listener` in a thread of its own; see `sockets_lab.servers`."""
    threads: set[Thread] = set()

    def work(connection: socket.socket) -> None:
        try:
            talk(connection, service, stop, limits)
        finally:
            threads.discard(current_thread())

    try:
        with listener:
            for connection in accepted(listener, stop):
                thread = Thread(target=work, args=(connection,), daemon=True)
                threads.add(thread)
                if not _start(thread, stop):
                    threads.remove(thread)
                    connection.close()
    finally:
        for thread in list(threads):
            thread.join()


def _start(thread: Thread, stop: Event) -> bool:
    """Start it as soon as the machine has room for one more; tell whether that came."""
    while not stop.is_set():
        try:
            thread.start()
        except RuntimeError:  # "can't start new thread"
            stop.wait(PAUSE_S)
        else:
            return True
    return False
