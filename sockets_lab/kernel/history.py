"""Looking again and again: a history of snapshots, and waiting until one shows something.

Over loopback the kernel does nearly everything inside the call that causes it. Measured 2,000 times
each on Linux 6.18, also with both cores kept busy, these could be seen at once, every time: after
connect() the connection at the listener, in its queue and ESTABLISHED; after send() the bytes
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
    """The kernel did not show what was waited for; the message holds what it showed instead."""


class Sample(NamedTuple):
    """One look, `at_s` seconds after the watch began."""

    at_s: float
    snapshot: Snapshot


class History:
    """The samples that `watch()` took, oldest first."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    @property
    def roles(self) -> tuple[str, ...]:
        """Everybody who appears in it, in order of appearance."""
        return tuple(
            dict.fromkeys(role for sample in self.samples for role in sample.snapshot.roles)
        )

    def states(self, role: str) -> tuple[str, ...]:
        """The states in which `role` was seen, one after the other, without repeats."""
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
    """Look at sockets every `interval_s` seconds while the block runs.

    sockets, roles, named: as for `look`. The first sample is taken before the block begins, the
    last after it has ended; what comes and goes in between within `interval_s` may be missed.

    Gives the History, which goes on growing inside the block. The thread that looks is gone when
    the block is left, on every way out; an error of its own is raised then.
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
    """Look at sockets until `condition(snapshot)` holds, and return that snapshot.

    Some changes reach the kernel's table a moment after the call that caused them has returned;
    this waits for them instead of sleeping for luck.

    sockets, roles, named: as for `look`; deadline_s: seconds.

    Raises NotSeen (a TimeoutError) with the last snapshot in words when the deadline passes.
    """
    roles = Roles(**named) if roles is None else roles
    end = time.monotonic() + deadline_s
    while not condition(snapshot := look(*sockets, roles=roles, **named)):
        if time.monotonic() >= end:
            raise NotSeen(f"not seen within {deadline_s} s; the kernel says\n{snapshot}")
        time.sleep(_PAUSE_S)
    return snapshot


class _Watcher:
    """Takes the samples: first and last in the caller's thread, the others in its own."""

    def __init__(self, look_once: Callable[[], Snapshot]) -> None:
        self.history = History()
        self._look = look_once
        self._began = time.monotonic()
        self._stopping = threading.Event()
        self._problem: BaseException | None = None

    def sample(self) -> None:
        snapshot = self._look()
        self.history.samples.append(Sample(time.monotonic() - self._began, snapshot))

    def run(self, interval_s: float) -> None:
        try:
            while not self._stopping.wait(interval_s):
                self.sample()
        except BaseException as problem:
            self._problem = problem

    def stop(self, thread: threading.Thread) -> None:
        self._stopping.set()
        thread.join()
        if self._problem is not None:
            raise self._problem
