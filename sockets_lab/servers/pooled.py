"""A fixed number of threads, each of which accepts a client, talks with it, and accepts the next.

So nobody is taken in for whom no thread is free: the others wait in the accept queue, which the
kernel bounds. A pool with a queue of its own takes everybody in and lets them wait where nothing
bounds them, and where a client cannot see that it waits.
"""

import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

from sockets_lab.servers.blocking import accepted, talk
from sockets_lab.servers.limits import GLANCE_S, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener` by `limits.workers` threads; see `sockets_lab.servers`."""
    turn = Lock()  # one thread at a time waits at the door, so that it can be closed behind it

    def work() -> None:
        while connection := _next(listener, stop, turn):
            talk(connection, service, stop, limits)

    with listener, ThreadPoolExecutor(limits.workers) as pool:
        try:
            workers = [pool.submit(work) for _ in range(limits.workers)]
            while not stop.wait(GLANCE_S) and not any(worker.done() for worker in workers):
                pass
        finally:
            stop.set()
            with turn:
                listener.close()
    for worker in workers:
        worker.result()  # raises what it raised


def _next(listener: socket.socket, stop: Event, turn: Lock) -> socket.socket | None:
    """The next client; None when the server shall stop."""
    with turn:
        return None if stop.is_set() else next(accepted(listener, stop), None)
