"""What is written down while recordings run.

All recordings that overlap share one journal, and each is a stretch of it; so a socket has one name
in all of them, and a call costs the same however many watch.

An entry is a plain list, because it is written in the middle of the learner's call: a list is the
cheapest thing that can be filled in place when the call returns. Words are made of it later.
"""

import sys
import threading
import weakref
from functools import partial
from socket import AF_INET, AF_INET6, socket
from threading import get_ident
from types import FrameType
from typing import Any

from sockets_lab.recording.callers import is_machinery, is_tls
from sockets_lab.roles import Remembered, Roles

__all__ = ["ENDED", "ERROR", "GIVEN", "KNOWN", "NAME", "RESULT", "STARTED", "STATES", "THREAD"]
__all__ += ["Entry", "Here", "Journal"]

# The call's name, the socket as Roles knows it, the Thread, the arguments; nanoseconds of
# perf_counter_ns, ENDED 0 while the call lasts; what it returned, or the error's name; a Snapshot.
NAME, KNOWN, THREAD, GIVEN, STARTED, ENDED, RESULT, ERROR, STATES = range(9)
Entry = list[Any]

_INTERNET = (AF_INET, AF_INET6)


class Here(threading.local):
    """The thread that asks. Twice as quick as `threading.current_thread()`."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()


class Journal:
    """The calls of all recordings that overlap, in the order in which they began."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.roles = Roles()
        self.known: dict[int, Remembered] = {}  # by id() of the socket; empty when all is over
        self.watchers: list[object] = []  # recordings that want the kernel's states
        self._refs: dict[int, weakref.ref[socket]] = {}
        self._hidden: dict[int, weakref.ref[socket]] = {}
        self._quiet: set[int] = set()  # threads that are asking the kernel on our behalf
        self._asking = threading.Lock()
        self._over = False

    def close(self) -> None:
        """Write no more; calls that still last are filled in when they return."""
        self._over = True
        self.known.clear()

    @property
    def is_quiet(self) -> bool:
        """Whether this thread is asking the kernel for us, or nothing is written any more."""
        return self._over or get_ident() in self._quiet

    def meet(self, sock: socket) -> Remembered | None:
        """What is known of a socket met for the first time, None if it is not the learner's.

        Called by a patched method: the call stands two frames up.
        """
        if self.is_quiet or id(sock) in self._hidden:
            return None
        if is_machinery(sys._getframe(2)):
            self.hide(sock)
            return None
        return self.adopt(sock, self.roles.remember(sock))

    def meet_new(self, sock: socket, caller: FrameType) -> Remembered | None:
        """What is known of a socket that was just made, None if that is not to be written down.

        A socket made for a descriptor that another one holds plays the part of the other.
        """
        if self.is_quiet or is_machinery(caller):
            self.hide(sock)
            return None
        for known in reversed(self.roles.everything()) if is_tls(caller) else ():
            other = known.socket
            if other is not None and other.fileno() == sock.fileno():
                self.roles.same(sock, known)
        known = self.adopt(sock, self.roles.remember(sock))
        return None if is_tls(caller) else known

    def adopt(self, sock: socket, known: Remembered) -> Remembered:
        """File `sock` as `known`, so that its next call finds it quickly."""
        # When the socket dies its id is free again: pop(id, ref) forgets the id, whatever `ref` is.
        self._refs[id(sock)] = weakref.ref(sock, partial(self.known.pop, id(sock)))
        self.known[id(sock)] = known
        return known

    def hide(self, sock: socket) -> None:
        """Write nothing of `sock`: it belongs to the machinery."""
        self._hidden[id(sock)] = weakref.ref(sock, partial(self._hidden.pop, id(sock)))

    def snapshot(self) -> object:
        """What the kernel says of every socket met so far, None where it would not say."""
        me = get_ident()
        if me in self._quiet:
            return None
        from sockets_lab import kernel  # only recordings with states need it

        met = (known.socket for known in self.roles.everything())
        sockets = [sock for sock in met if sock is not None and sock.family in _INTERNET]
        with self._asking:
            self._quiet.add(me)
            try:
                return kernel.look(*sockets, roles=self.roles)
            except OSError:
                return None
            finally:
                self._quiet.discard(me)
