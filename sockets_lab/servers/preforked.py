"""Processes that are made before a client comes, and share the listener: each has its own core.

Threads of one Python process take turns at its interpreter lock; processes do not, and a crash of
one hurts only its own clients. All inherit one listening socket, and the kernel gives a client to
whichever accepts first. Or each has a listener of its own at the same endpoint (SO_REUSEPORT,
socket(7)): then the kernel spreads clients over them by a hash of their endpoints, and those that
it gave to a process wait for that process.

A worker holds the reading end of a pipe. When the parent closes the other end, or dies however
suddenly, the pipe is at its end, and the worker drains and ends.
"""

import os
import signal
import socket
import traceback
import warnings
from collections.abc import Callable, Iterable
from threading import Event, Thread
from time import monotonic, sleep
from typing import Final

from sockets_lab.servers import selectors_loop
from sockets_lab.servers.limits import GLANCE_S, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]

_BACKLOG: Final = 4096
_GLANCE_S: Final = 0.01
_KILL_S: Final = 1.0
"""Seconds beyond `drain_s` after which a worker that has not ended is killed."""


def serve(
    listener: socket.socket,
    service: Service = echo,
    *,
    stop: Event,
    limits: Limits = Limits(),
    model: Callable[..., object] = selectors_loop.serve,
    own_listeners: bool = False,
) -> None:
    """Serve the clients of `listener` by `limits.workers` processes; see `sockets_lab.servers`.

    model: how each process serves its clients, the `serve` of another file
    own_listeners: each process opens a listener of its own at the same endpoint. SO_REUSEPORT has
        to be set on `listener` before it was bound, too, else bind() fails with EADDRINUSE

    A worker that ends early is replaced. POSIX only: AttributeError where `os` has no `fork`. Call
    it in a process of its own (`sockets_lab.load.serving`): the fork of a notebook is as large.
    """
    listeners = [listener]
    stopping, running = os.pipe()

    def work(number: int) -> None:
        os.close(running)
        for other in listeners:
            if other is not listeners[number]:
                other.close()
        model(listeners[number], service, stop=_set_at_end(stopping), limits=limits)

    workers: dict[int, int] = {}
    try:
        while own_listeners and len(listeners) < limits.workers:
            listeners.append(_beside(listener))
        while not stop.is_set():
            for number in range(limits.workers):
                if number not in workers or _has_ended(workers[number]):
                    workers[number] = _fork(work, number % len(listeners))
            stop.wait(GLANCE_S)
    finally:
        for one in listeners:
            one.close()
        os.close(running)
        os.close(stopping)
        _wait_for(workers.values(), monotonic() + limits.drain_s + _KILL_S)


def _beside(listener: socket.socket) -> socket.socket:
    """Another listener at the same endpoint."""
    another = socket.socket(listener.family, listener.type)
    try:
        another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if listener.family == socket.AF_INET6:
            only = listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            another.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        another.bind(listener.getsockname())
        another.listen(_BACKLOG)
    except BaseException:
        another.close()
        raise
    return another


def _fork(work: Callable[[int], object], number: int) -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns that other threads may hold locks, which nobody in the child gives back.
        # Ours wait in system calls at most, and hold none.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which tells us
        work(number)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _set_at_end(pipe: int) -> Event:
    """An event that is set when a pipe is at its end."""
    stop = Event()

    def watch() -> None:
        while os.read(pipe, 1):
            pass
        stop.set()

    Thread(target=watch, name="lifeline", daemon=True).start()
    return stop


def _has_ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def _wait_for(pids: Iterable[int], until_s: float) -> None:
    """Wait until they have ended; kill those that are late."""
    left = set(pids)
    while left := {pid for pid in left if not _has_ended(pid)}:
        if monotonic() > until_s:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        sleep(_GLANCE_S)
