"""Take snapshots over time, and wait until one shows what was asked for.

Over loopback the kernel does nearly everything inside the call that causes it. Measured 2,000 times
each on Linux 6.18, also with both cores kept busy, these were visible immediately, every time:
after connect() the connection at the listener, in its queue and ESTABLISHED; after send() the bytes
unread at the other end; after accept() the shorter queue; after shutdown() or close() CLOSE_WAIT at
the other end, or after a reset CLOSED; after the second close() TIME_WAIT.

What needs an acknowledgement may come late, by 40 to 160 ms, since the other end delays it (RFC
9293, section 3.8.6.3): FIN_WAIT_2 after FIN_WAIT_1 (299 times in 300), and no bytes unsent once
both ends have sent something. Wait for those with `until`.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Final, NamedTuple

from sockets_lab.interrupts import hold_interrupts
from sockets_lab.kernel.look import look
from sockets_lab.kernel.snapshot import Snapshot
from sockets_lab.roles import Roles

__all__ = ["History", "NotSeen", "Sample", "until", "watch"]

_PAUSE_S: Final = 0.001


class NotSeen(TimeoutError):
    """Timeout before the kernel showed what was expected; the message has the last snapshot."""


class Sample(NamedTuple):
    """One snapshot, taken `at_s` seconds after the watch began."""

    at_s: float
    snapshot: Snapshot


class History:
    """The samples that `watch()` took, oldest first."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    @property
    def roles(self) -> tuple[str, ...]:
        """Return every role in it, in order of appearance."""
        return tuple(
            dict.fromkeys(role for sample in self.samples for role in sample.snapshot.roles)
        )

    def states(self, role: str) -> tuple[str, ...]:
        """Return the states in which `role` was seen, in order, without repeats."""
        seen = [sample.snapshot[role].state for sample in self.samples if role in sample.snapshot]
        return tuple(state for state, _ in groupby(seen))

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def __len__(self) -> int:
        return len(self.samples)

    def __str__(self) -> str:
        return "\n".join(f"{role}: {', '.join(self.states(role))}" for role in self.roles)

    __repr__ = __str__


@contextmanager
def watch(
    *sockets: socket.socket,
    interval_s: float = 0.005,
    roles: Roles | None = None,
    **named: socket.socket,
) -> Iterator[History]:
    """Take a snapshot of sockets every `interval_s` seconds while the block runs.

    sockets, roles, named: as for `look`. The first sample is taken before the block begins, the
    last after it has ended; a state that lasts less than `interval_s` may be missed.

    Yields the History, which grows while the block runs. The thread that takes the snapshots has
    ended when the block is left, on every way out; its error, if any, is raised then.
    """
    if not interval_s > 0:
        raise ValueError(f"interval_s must be more than 0 seconds, got {interval_s!r}")
    roles = Roles(**named) if roles is None else roles
    watcher = _Watcher(lambda: look(*sockets, roles=roles, **named))
    watcher.sample()
    thread = threading.Thread(
        target=watcher.run, args=(interval_s,), name="sockets_lab watch", daemon=True
    )
    try:
        with hold_interrupts():
            thread.start()
        yield watcher.history
    finally:
        with hold_interrupts():
            watcher.stop(thread)
    watcher.sample()


def until(
    condition: Callable[[Snapshot], bool],
    *sockets: socket.socket,
    roles: Roles | None = None,
    deadline_s: float = 2.0,
    **named: socket.socket,
) -> Snapshot:
    """Take snapshots of sockets until `condition(snapshot)` is true, and return that snapshot.

    Some changes reach the kernel's table a moment after the call that caused them has returned;
    this waits for them instead of sleeping for a guessed time.

    sockets, roles, named: as for `look`; deadline_s: seconds.

    Raises NotSeen (a TimeoutError) with the text of the last snapshot when the deadline passes.
    """
    roles = Roles(**named) if roles is None else roles
    end = time.monotonic() + deadline_s
    while not condition(snapshot := look(*sockets, roles=roles, **named)):
        if time.monotonic() >= end:
            raise NotSeen(f"not seen within {deadline_s} s; the kernel reports\n{snapshot}")
        time.sleep(_PAUSE_S)
    return snapshot


class _Watcher:
    """Sampler: first and last sample in the caller's thread, the others in a separate one."""

    def __init__(self, look_once: Callable[[], Snapshot]) -> None:
        self.history = History()
        self._look = look_once
        self._began = time.monotonic()
        self._stopping = threading.Event()
        self._error: BaseException | None = None

    def sample(self) -> None:
        snapshot = self._look()
        self.history.samples.append(Sample(time.monotonic() - self._began, snapshot))

    def run(self, interval_s: float) -> None:
        try:
            while not self._stopping.wait(interval_s):
                self.sample()
        except BaseException as error:
            self._error = error

    def stop(self, thread: threading.Thread) -> None:
        self._stopping.set()
        thread.join()
        if self._error is not None:
            raise self._error
