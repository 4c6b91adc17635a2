"""The sockets of one run: found when they are needed, freed, and put away at its end."""

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
    free,
    is_listening,
    listener_state_of,
    reopen,
)
from sockets_lab.roles import Roles

__all__ = ["RunSockets"]

_estates: "WeakSet[RunSockets]" = WeakSet()  # of runs that are not over
_shut: "WeakSet[socket.socket]" = WeakSet()  # listeners that could not be reopened


class RunSockets:
    """The sockets that a function was given, and those that it and its threads make."""

    def __init__(self, function: Callable[..., object], given: Iterable[object]) -> None:
        """ValueError if a listener among them was shut down by an earlier run."""
        self._function = function
        self._given = list(given)
        self._own: dict[socket.socket, None] = {}  # kept in order, and open until put away
        self._doors: dict[socket.socket, ListenerState] = {}
        self._roles = Roles()
        _refuse_shut(self.given())
        self._before = OpenSockets()
        _estates.add(self)

    def given(self) -> list[socket.socket]:
        """The sockets that the function was given, or uses by name."""
        return sockets_in(self._given) + sockets_used_by(self._function)

    def find(self, frames: Iterable[FrameType], *, everywhere: bool = True) -> None:
        """Learn which sockets are the run's by now; `frames` are those of its threads.

        `everywhere=False` spares the long look for connections that no frame holds.
        """
        self._own.update(dict.fromkeys(self.given()))
        for frame in frames:
            self._own.update(dict.fromkeys(sockets_of(frame)))
        if everywhere and self._before.has_grown():
            doors = [*self._doors.values(), *filter(None, map(listener_state_of, self._own))]
            at_a_door = sockets_at([door.name for door in doors])
            found = (sock for sock in at_a_door if sock not in self._before)
            self._own.update(dict.fromkeys(found))
        self._name(self._own)

    def has_datagrams(self) -> bool:
        """Whether one of the sockets found is no stream."""
        return any(sock.type == socket.SOCK_DGRAM for sock in self._own)

    def free(self) -> None:
        """Let go who waits on any of the sockets found."""
        for sock in list(self._own):
            self._free(sock)

    def free_orphans(self, frames: Iterable[FrameType], *, with_listeners: bool) -> None:
        """Let nobody wait for a thread that died in `frames`: what it held ends, as if closed."""
        orphans = [sock for frame in frames for sock in sockets_of(frame)]
        if with_listeners:
            orphans += self.given()
        self._name(orphans)
        for sock in dict.fromkeys(orphans):
            if not is_listening(sock) or (with_listeners and not self._is_shared(sock)):
                self._free(sock)

    def put_away(self, frames: Iterable[FrameType]) -> tuple[str, ...]:
        """Close what the function left open, reopen the listeners it was given; tell the roles."""
        self.find(frames)
        left = [sock for sock in self._own if sock.fileno() != -1 and sock not in self._before]
        names = tuple(sorted(self._roles.of(sock) for sock in left))
        for sock in left:
            discard(sock)
        for listener, door in self._doors.items():
            if listener.fileno() != -1 and not reopen(listener, door):
                _shut.add(listener)
        self._own.clear()
        self._doors.clear()
        _estates.discard(self)
        return names

    def _name(self, sockets: Iterable[socket.socket]) -> None:
        """Name them while the kernel still knows their peers; listeners first, they tell most."""
        for sock in sorted(sockets, key=is_listening, reverse=True):
            if sock.fileno() != -1 and (is_listening(sock) or sock not in self._before):
                self._roles.of(sock)

    def _free(self, sock: socket.socket) -> None:
        door = listener_state_of(sock)
        if door:
            self._doors.setdefault(sock, door)
        free(sock)

    def _is_shared(self, sock: socket.socket) -> bool:
        return any(sock in other.given() for other in list(_estates) if other is not self)


def _refuse_shut(given: Iterable[socket.socket]) -> None:
    for sock in given:
        if sock in _shut and not is_listening(sock):
            raise ValueError(
                "this listener was shut down when an earlier run was stopped: open it again in "
                "this cell, with SO_REUSEADDR set before bind()"
            )
