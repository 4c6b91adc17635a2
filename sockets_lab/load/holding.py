"""Hold many idle connections, and measure what one of them costs."""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Final, NamedTuple

from sockets_lab.addresses import Endpoint
from sockets_lab.interrupts import hold_interrupts
from sockets_lab.load.bounds import MOST_CONNECTIONS, count_within, seconds_within, target_of
from sockets_lab.load.connecting import bound_socket, connect, sources_for, spread
from sockets_lab.load.descriptors import connections_that_fit, room_for
from sockets_lab.load.usage import HasPid, KernelMemory, kernel_memory, memory, pid_of

__all__ = ["Cost", "Held", "hold", "how_many_fit"]

_ACCEPT_S: Final = 5.0
_GLANCE_S: Final = 0.01


class Cost(NamedTuple):
    """Bytes that one idle connection costs: (after - before) / number of connections.

    `process_bytes` are in the server's process, `kernel_bytes` in the kernel for both ends of the
    connection; each source says what was counted. The bytes are None where they are not known.
    """

    process_bytes: float | None
    process_source: str
    kernel_bytes: float | None
    kernel_source: str


class Held(NamedTuple):
    """Idle connections: plain connected `sockets`, non-blocking, closed when the block ends.

    `sources` are the addresses that they come from; none means that the kernel chose, as on IPv6,
    which has a single loopback address. `cost` is None if `hold` was called without `server`.
    """

    sockets: tuple[socket.socket, ...]
    sources: tuple[str, ...]
    cost: Cost | None

    def alive(self) -> int:
        """Return how many of them the server has neither closed nor reset."""
        return sum(map(_is_alive, self.sockets))

    def __len__(self) -> int:
        return len(self.sockets)

    def __repr__(self) -> str:
        return f"<{len(self.sockets)} idle connections>"


def how_many_fit(server: int | HasPid | None = None) -> int:
    """Return how many connections can be held here, by the limits of descriptors.

    server: the server's process; None if it is a thread of this one, which then has both ends.
    """
    pid = pid_of(server)
    return connections_that_fit(_ends_here(pid), _elsewhere(pid))


@contextmanager
def hold(
    address: Sequence[object],
    connections: int,
    *,
    server: int | HasPid | None = None,
    deadline_s: float = 30.0,
) -> Iterator[Held]:
    """Connect clients, and keep them idle while the block runs; yield a `Held`.

    address: what the listener's `getsockname()` returns; loopback only
    server: the server's process; None if it is a thread of this one. With it, `hold` waits until
        the server has accepted them all (where the kernel shows that), and measures their cost
    deadline_s: seconds in which all must be connected

    They come from 127.0.0.2, 127.0.0.3 and so on where the machine has those, so that ports do not
    run out. This process's soft limit of descriptors is raised for them, and restored at the end.

    ValueError for an address that is not loopback, and `TooFewDescriptors` (one, too) where the
    hard limit leaves too little room: `how_many_fit` returns how many. OSError from the kernel,
    untouched (ECONNREFUSED); TimeoutError where a deadline passes. See getrlimit(2), ip(7).
    """
    target = target_of(address)
    count_within("connections", connections, MOST_CONNECTIONS)
    until = monotonic() + seconds_within("deadline_s", deadline_s)
    pid, sources = pid_of(server), sources_for(target, connections)
    sockets: list[socket.socket] = []
    with room_for(connections, _ends_here(pid), _elsewhere(pid)):
        before = _Snapshot.at(pid)
        try:
            for source in spread(sources, connections):
                with hold_interrupts():
                    sockets.append(bound_socket(target, source))
                _connect(sockets, target, until, connections)
            yield Held(tuple(sockets), sources, _cost(target, before, connections))
        finally:
            with hold_interrupts():
                for sock in sockets:
                    sock.close()


class _Snapshot(NamedTuple):
    """Memory at one moment: the server's (PSS where the system has it), and the kernel's."""

    pid: int | None
    nbytes: int
    source: str
    kernel: KernelMemory | None

    @classmethod
    def at(cls, pid: int | None) -> "_Snapshot":
        if pid is None:
            return cls(None, 0, "", None)
        taken = memory(pid)
        if taken.pss is None:
            return cls(pid, taken.rss, "RSS of the server's processes", kernel_memory())
        return cls(pid, taken.pss, "PSS of the server's processes", kernel_memory())


def _cost(target: Endpoint, before: _Snapshot, connections: int) -> Cost | None:
    if before.pid is None:
        return None
    _wait_until_accepted(target)
    now = _Snapshot.at(before.pid)
    kernel, kernel_source = None, "not available on this system"
    if before.kernel and now.kernel:
        kernel = (now.kernel.nbytes - before.kernel.nbytes) / connections
        kernel_source = f"both ends: {now.kernel.source}"
    if before.pid == os.getpid():
        return Cost(None, "not known: this process has both ends", kernel, kernel_source)
    return Cost((now.nbytes - before.nbytes) / connections, now.source, kernel, kernel_source)


def _wait_until_accepted(target: Endpoint) -> None:
    """Wait until no connection is left in the accept queue, where the kernel shows it."""
    until = monotonic() + _ACCEPT_S
    while _unaccepted(target):
        if monotonic() > until:
            raise TimeoutError(
                f"the server has not accepted all connections in {_ACCEPT_S:g} s: perhaps it "
                "ran out of descriptors; hold fewer"
            )
        sleep(_GLANCE_S)


def _unaccepted(target: Endpoint) -> int:
    # Imported here: it takes half of the start-up of a process that holds no connections.
    from sockets_lab.kernel import tables

    rows = tables.read({target.port}).rows
    return sum(row.queue or 0 for row in rows if row.state == "LISTEN")


def _connect(sockets: Sequence[socket.socket], target: Endpoint, until: float, wanted: int) -> None:
    """Connect the last of `sockets`."""
    try:
        connect(sockets[-1], target, until)
    except TimeoutError as error:
        raise TimeoutError(
            f"{len(sockets) - 1} of {wanted} connections were made in time: let the server accept "
            "faster or with a larger backlog, or give a larger deadline_s"
        ) from error


def _is_alive(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _ends_here(pid: int | None) -> int:
    return 2 if pid is None or pid == os.getpid() else 1


def _elsewhere(pid: int | None) -> int | None:
    return None if pid == os.getpid() else pid
