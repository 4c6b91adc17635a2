"""Sockets of one run: found when needed, unblocked to stop it, and closed at its end."""

import socket
from collections.abc import Callable, Iterable
from types import FrameType
from weakref import WeakSet

from sockets_lab.background.ownership import (
    OpenSockets,
    sockets_at,
    sockets_in,
    sockets_of,
    sockets_used_by,
)
from sockets_lab.background.unblocking import (
    ListenerState,
    discard,
    is_listening,
    listener_state_of,
    reopen,
    unblock,
)
from sockets_lab.roles import Roles

__all__ = ["RunSockets"]

_active: "WeakSet[RunSockets]" = WeakSet()  # of runs that are not over
_shut: "WeakSet[socket.socket]" = WeakSet()  # listeners that could not be reopened


class RunSockets:
    """Sockets that were passed to a function, and those that it and its threads make."""

    def __init__(self, function: Callable[..., object], given: Iterable[object]) -> None:
        """Create it; ValueError if an earlier run left one of the listeners shut down."""
        self._function = function
        self._given = list(given)
        self._own: dict[socket.socket, None] = {}  # kept in order, and open until the end
        self._listeners: dict[socket.socket, ListenerState] = {}
        self._roles = Roles()
        _refuse_shut(self.given())
        self._before = OpenSockets()
        _active.add(self)

    def given(self) -> list[socket.socket]:
        """Return the sockets that were passed to the function, or that it uses by name."""
        return sockets_in(self._given) + sockets_used_by(self._function)

    def find(self, frames: Iterable[FrameType], *, everywhere: bool = True) -> None:
        """Find the sockets that the run has by now; `frames` are those of its threads.

        `everywhere=False` skips the slow search for connections that no frame holds.
        """
        self._own.update(dict.fromkeys(self.given()))
        for frame in frames:
            self._own.update(dict.fromkeys(sockets_of(frame)))
        if everywhere and self._before.has_grown():
            states = [*self._listeners.values(), *filter(None, map(listener_state_of, self._own))]
            accepted = sockets_at([state.name for state in states])
            self._own.update(dict.fromkeys(sock for sock in accepted if sock not in self._before))
        self._name(self._own)

    def has_datagrams(self) -> bool:
        """Return True if one of the sockets found is a datagram socket."""
        return any(sock.type == socket.SOCK_DGRAM for sock in self._own)

    def unblock(self) -> None:
        """Unblock every thread waiting on one of these sockets."""
        for sock in list(self._own):
            self._unblock(sock)

    def unblock_dead_thread(self, frames: Iterable[FrameType], *, with_listeners: bool) -> None:
        """Shut down the sockets of a thread that died in `frames`, so that no client waits for it.

        `with_listeners` includes the listeners that were passed to the function.
        """
        orphans = [sock for frame in frames for sock in sockets_of(frame)]
        if with_listeners:
            orphans += self.given()
        self._name(orphans)
        for sock in dict.fromkeys(orphans):
            if not is_listening(sock) or (with_listeners and not self._is_shared(sock)):
                self._unblock(sock)

    def close_leftovers(self, frames: Iterable[FrameType]) -> tuple[str, ...]:
        """Close the sockets left open, and reopen listeners; return the roles of the closed."""
        self.find(frames)
        left = [sock for sock in self._own if sock.fileno() != -1 and sock not in self._before]
        names = tuple(sorted(self._roles.of(sock) for sock in left))
        for sock in left:
            discard(sock)
        for listener, state in self._listeners.items():
            if listener.fileno() != -1 and not reopen(listener, state):
                _shut.add(listener)
        self._own.clear()
        self._listeners.clear()
        _active.discard(self)
        return names

    def _name(self, sockets: Iterable[socket.socket]) -> None:
        """Give roles while the kernel knows the peers; listeners first, others depend on them."""
        for sock in sorted(sockets, key=is_listening, reverse=True):
            if sock.fileno() != -1 and (is_listening(sock) or sock not in self._before):
                self._roles.of(sock)

    def _unblock(self, sock: socket.socket) -> None:
        state = listener_state_of(sock)
        if state:
            self._listeners.setdefault(sock, state)
        unblock(sock)

    def _is_shared(self, sock: socket.socket) -> bool:
        return any(sock in other.given() for other in list(_active) if other is not self)


def _refuse_shut(given: Iterable[socket.socket]) -> None:
    for sock in given:
        if sock in _shut and not is_listening(sock):
            raise ValueError(
                "this listener was shut down when an earlier run was stopped: open it again in "
                "this cell, with SO_REUSEADDR set before bind()"
            )
