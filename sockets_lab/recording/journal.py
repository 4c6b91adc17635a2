"""Store what is recorded while recordings run.

All recordings that overlap share one journal, and each is a part of it; so a socket has one name in
all of them, and a call costs the same however many recordings run.

A call is written when it returns, as a plain tuple, the cheapest record: the learner's call waits
meanwhile. A call that has not returned yet costs nothing: it is found on the stack of its thread.
All this is put into words later.
"""

import sys
import threading
import weakref
from collections.abc import Iterator
from functools import partial
from socket import AF_INET, AF_INET6, socket
from threading import Thread, get_ident
from types import CodeType, FrameType
from typing import Any, NamedTuple

from sockets_lab.recording.callers import is_tls, is_tooling
from sockets_lab.roles import Remembered, Roles

__all__ = ["Entry", "Failure", "Here", "Journal"]

_INTERNET = (AF_INET, AF_INET6)


class Failure(NamedTuple):
    """The name of the error that a call raised, in place of its result."""

    error: str


class Entry(NamedTuple):
    """One call. Times are nanoseconds of perf_counter_ns, `ended` 0 while the call lasts."""

    started: int
    ended: int
    name: str
    known: Remembered
    thread: Thread
    given: Any
    result: Any

    @property
    def key(self) -> tuple[Thread, int]:
        """Return the unique key of this call."""
        return self.thread, self.started


class Here(threading.local):
    """The current thread. Twice as fast as `threading.current_thread()`."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()


class Journal:
    """The calls of all recordings that overlap."""

    def __init__(self) -> None:
        self.written: list[tuple[Any, ...]] = []  # fields of an Entry, in the order of the returns
        self.roles = Roles()
        self.known: dict[int, Remembered] = {}  # by id() of the socket; empty after close()
        self.codes: set[CodeType] = set()  # of the patched methods
        self.watchers: list[object] = []  # recordings with states=True
        self.states: dict[tuple[Thread, int], Any] = {}  # Snapshots, by Entry.key
        self._refs: dict[int, weakref.ref[socket]] = {}
        self._hidden: dict[int, weakref.ref[socket]] = {}
        self._looking: set[int] = set()  # threads that ask the kernel for states
        self._asking = threading.Lock()
        self._over = False

    def close(self) -> None:
        """Stop registering sockets. Calls still in progress are recorded when they return."""
        self._over = True
        self.known.clear()

    # Registering sockets

    @property
    def is_quiet(self) -> bool:
        """Return True if nothing is recorded: it is closed, or this thread asks for states."""
        return self._over or get_ident() in self._looking

    def register(self, sock: socket) -> Remembered | None:
        """Return what is known of a socket seen for the first time, None if it is tooling's.

        Called by a patched method: its caller is two frames up.
        """
        if self.is_quiet or id(sock) in self._hidden:
            return None
        if is_tooling(sys._getframe(2)):
            self._hide(sock)
            return None
        return self._link(sock, self.roles.remember(sock))

    def register_new(self, sock: socket, caller: FrameType, *, adopts: bool) -> Remembered | None:
        """Return what is known of a socket that was just made, None if that is not recorded.

        adopts: it was made for a descriptor; if another socket holds that, as where TLS takes over,
        the new one gets the role of the other.
        """
        if self.is_quiet or is_tooling(caller):
            self._hide(sock)
            return None
        for known in reversed(self.roles.everything()) if adopts else ():
            other = known.socket
            if other is not None and other.fileno() == sock.fileno():
                self.roles.alias(sock, known)
        known = self._link(sock, self.roles.remember(sock))
        return None if is_tls(caller) else known

    def _link(self, sock: socket, known: Remembered) -> Remembered:
        # When the socket dies its id is free again: pop(id, ref) forgets the id, whatever `ref` is.
        self._refs[id(sock)] = weakref.ref(sock, partial(self.known.pop, id(sock)))
        self.known[id(sock)] = known
        return known

    def _hide(self, sock: socket) -> None:
        self._hidden[id(sock)] = weakref.ref(sock, partial(self._hidden.pop, id(sock)))

    # Reading

    def entries(self, start: int, began: int) -> list[Entry]:
        """Return the calls that began at `began` or later, in that order.

        start: how many calls were written before.
        """
        waiting = {entry.key: entry for entry in self._waiting()}
        entries = [Entry(*fields) for fields in self.written[start:]]
        for entry in entries:
            waiting.pop(entry.key, None)  # it returned in the meantime
        everything = (*entries, *waiting.values())
        return sorted((each for each in everything if each.started >= began), key=_start)

    def count(self, start: int, began: int) -> int:
        """Return how many `entries` there are, without making or sorting them."""
        waiting = {entry.key for entry in self._waiting() if entry.started >= began}
        written = [fields for fields in self.written[start:] if fields[0] >= began]
        if waiting:
            waiting -= {(fields[4], fields[0]) for fields in written}
        return len(written) + len(waiting)

    def now(self, entry: Entry) -> Entry:
        """Return `entry` as it is now: a call that waited may have returned."""
        if entry.ended:
            return entry
        later = (fields for fields in reversed(self.written) if fields[0] == entry.started)
        return next((each for fields in later if (each := Entry(*fields)).key == entry.key), entry)

    def _waiting(self) -> Iterator[Entry]:
        """Yield the calls in progress, read from the stacks of their threads."""
        threads = {thread.ident: thread for thread in threading.enumerate()}
        for ident, top in sys._current_frames().items():
            frame: FrameType | None = top
            while frame is not None and frame.f_code not in self.codes:
                frame = frame.f_back
            if frame is not None and ident in threads and "began" in frame.f_locals:
                local = frame.f_locals
                fields = local["name"], local["known"], threads[ident], local["given"]
                yield Entry(local["began"], 0, *fields, None)

    def look(self, key: tuple[Thread, int]) -> None:
        """Store the kernel's states of all registered sockets for the call `key`."""
        me = get_ident()
        if me in self._looking:
            return
        from sockets_lab import kernel  # only recordings with states need it

        known = (each.socket for each in self.roles.everything())
        sockets = [sock for sock in known if sock is not None and sock.family in _INTERNET]
        with self._asking:
            self._looking.add(me)
            try:
                self.states[key] = kernel.look(*sockets, roles=self.roles)
            except OSError:  # the kernel did not answer: no states for this call
                pass
            finally:
                self._looking.discard(me)


def _start(entry: Entry) -> int:
    return entry.started
