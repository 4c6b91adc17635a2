"""Processes that are forked before a client comes, and share the listener: each can use a core.

Threads of one Python process take turns at its interpreter lock; processes do not, and a crash of
one harms only its own clients. All inherit one listening socket, and the kernel gives a client to
the process that accepts first. A client then wakes every process that waits in epoll (the
thundering herd): one accepts, and the others find nothing. EPOLLEXCLUSIVE would wake fewer
(epoll_ctl(2)), but `selectors` does not offer it.

Or each process has its own listener at the same endpoint (SO_REUSEPORT, socket(7)): then the kernel
spreads clients over the listeners by a hash of their endpoints, and wakes one process for each. A
client that it gave to a busy process waits for that process.

A worker holds the reading end of a pipe, its *lifeline*. When the parent closes the other end, or
dies however suddenly, the worker reads the end of the pipe, drains and ends.
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
from sockets_lab.servers.limits import STOP_CHECK_S, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]

_BACKLOG: Final = 4096
_WAIT_STEP_S: Final = 0.01
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
    own_listeners: each process opens its own listener at the same endpoint (SO_REUSEPORT). The
        option must have been set on `listener` too, before bind(); otherwise bind() of the next
        listener fails with EADDRINUSE

    A worker that ends early is replaced. POSIX only: AttributeError where `os` has no `fork`. Call
    it in a child process (`sockets_lab.load.serving`): the fork of a notebook is as large as the
    notebook.
    """
    listeners = [listener]
    lifeline, parent_end = os.pipe()

    def work(number: int) -> None:
        os.close(parent_end)
        for other in listeners:
            if other is not listeners[number]:
                other.close()
        model(listeners[number], service, stop=_set_at_end_of(lifeline), limits=limits)

    workers: dict[int, int] = {}
    try:
        while own_listeners and len(listeners) < limits.workers:
            listeners.append(_listener_beside(listener))
        while not stop.is_set():
            for number in range(limits.workers):
                if number not in workers or _has_ended(workers[number]):
                    workers[number] = _fork(work, number % len(listeners))
            stop.wait(STOP_CHECK_S)
    finally:
        for each in listeners:
            each.close()
        os.close(parent_end)
        os.close(lifeline)
        _wait_for(workers.values(), monotonic() + limits.drain_s + _KILL_S)


def _listener_beside(listener: socket.socket) -> socket.socket:
    """Open another listener at the same endpoint, with SO_REUSEPORT."""
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
        # Python 3.12 warns that other threads may hold locks, which no thread of the child
        # releases. Ours wait in system calls at most, and hold none.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        # Ctrl-C is for the parent, which ends the workers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        work(number)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _set_at_end_of(pipe: int) -> Event:
    """Return an event that is set when a pipe is at its end."""
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
    """Wait until all have ended; kill those that are late."""
    running = set(pids)
    while running := {pid for pid in running if not _has_ended(pid)}:
        if monotonic() > until_s:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
        sleep(_WAIT_STEP_S)
