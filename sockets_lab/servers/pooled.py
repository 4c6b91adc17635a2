"""A fixed number of threads: each accepts a client, serves it, and accepts the next.

So no client is accepted before a thread is free for it: the others wait in the accept queue, which
the kernel bounds. A pool with a separate work queue accepts every client and lets it wait where
nothing bounds the queue, and where the client cannot see that it waits.

One thread at a time waits for a client, behind a lock. If all of them polled the listener, one
client would wake them all (the thundering herd); and a listener cannot be closed safely while
another thread is about to accept from it.
"""

import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

from sockets_lab.servers.blocking import accept_until, serve_connection
from sockets_lab.servers.limits import STOP_CHECK_S, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener` by `limits.workers` threads; see `sockets_lab.servers`."""
    accepting = Lock()

    def work() -> None:
        while connection := _next(listener, stop, accepting):
            serve_connection(connection, service, stop, limits)

    with listener, ThreadPoolExecutor(limits.workers) as pool:
        try:
            workers = [pool.submit(work) for _ in range(limits.workers)]
            while not stop.wait(STOP_CHECK_S) and not any(worker.done() for worker in workers):
                pass
        finally:
            stop.set()
            with accepting:
                listener.close()
    for worker in workers:
        worker.result()  # raises what the worker raised


def _next(listener: socket.socket, stop: Event, accepting: Lock) -> socket.socket | None:
    """Return the next client's connection, or None once `stop` is set."""
    with accepting:
        return None if stop.is_set() else next(accept_until(stop, listener), None)
