"""A thread for each connection: a thread that waits for its client delays no other client.

Only the machine bounds the number of threads. When it can start no more, the next client waits
until another has left.
"""

import socket
from threading import Event, Thread, current_thread

from sockets_lab.servers.blocking import accept_until, serve_connection
from sockets_lab.servers.limits import BACKOFF_S, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve each client of `listener` in a separate thread; see `sockets_lab.servers`."""
    threads: set[Thread] = set()

    def work(connection: socket.socket) -> None:
        try:
            serve_connection(connection, service, stop, limits)
        finally:
            threads.discard(current_thread())

    try:
        with listener:
            for connection in accept_until(stop, listener):
                thread = Thread(target=work, args=(connection,), daemon=True)
                threads.add(thread)
                if not _start(thread, stop):
                    threads.remove(thread)
                    connection.close()
    finally:
        for thread in list(threads):
            thread.join()


def _start(thread: Thread, stop: Event) -> bool:
    """Start a thread as soon as the machine can; return True if it did before `stop` was set."""
    while not stop.is_set():
        try:
            thread.start()
        except RuntimeError:  # "can't start new thread"
            stop.wait(BACKOFF_S)
        else:
            return True
    return False
