"""The sockets that `look()` was given: who they are, and which ports to ask the kernel about."""

import socket
import weakref
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sockets_lab.addresses import Endpoint
from sockets_lab.capabilities import has
from sockets_lab.kernel import descriptors
from sockets_lab.roles import Remembered, Roles

__all__ = ["Target", "introduce", "ports_of", "remember", "targets_of"]


class Target(NamedTuple):
    """One socket to look at. `local` and `peer` are its ends now, or as they were last seen."""

    sock: socket.socket
    known: Remembered
    is_open: bool
    listens: bool
    local: Endpoint | None
    peer: Endpoint | None
    inode: int | None


class _Past(NamedTuple):
    """What a socket was when it was last looked at. A closed socket cannot tell it any more, but
    the kernel may still list its ends, in TIME_WAIT for instance.
    """

    part: str
    local: Endpoint | None
    peer: Endpoint | None


_past: Final[weakref.WeakKeyDictionary[socket.socket, _Past]] = weakref.WeakKeyDictionary()


def introduce(
    roles: Roles | None, sockets: Sequence[socket.socket], named: Mapping[str, socket.socket]
) -> Roles:
    """The roles, in which all these sockets are known: `roles` with them added, or new ones."""
    for sock in (*sockets, *named.values()):
        descriptors.require_socket(sock)
    roles = Roles() if roles is None else roles
    for name, sock in named.items():
        roles.add(sock, name.replace("_", " "))
    # Listeners first: their endpoints tell connections from clients.
    for sock in sorted((*named.values(), *sockets), key=_does_not_listen):
        _recall(roles, sock)
    return roles


def _does_not_listen(sock: socket.socket) -> bool:
    past = _past.get(sock)
    return not (descriptors.listens(sock) or (past and past.part == "listener"))


def _recall(roles: Roles, sock: socket.socket) -> None:
    """Make a socket known; if it is closed, as what it was."""
    past = None if descriptors.is_open(sock) else _past.get(sock)
    if past is None:
        if roles.find(sock):
            roles.refresh(sock)
        roles.remember(sock)
        return
    if past.part == "connection":
        roles.accepted(sock, past.peer)
    roles.recall(sock, past.local, past.peer)
    if past.part == "listener":
        roles.listening(sock)
    if past.part == "client":
        roles.connecting(sock)


def targets_of(roles: Roles, sockets: Sequence[socket.socket]) -> list[Target]:
    """The sockets to look at, each once: those given, else all that `roles` knows."""
    chosen = sockets or [sock for sock in _sockets_in(roles) if descriptors.is_internet(sock)]
    return [_subject(roles, sock) for sock in dict.fromkeys(chosen)]


def ports_of(subjects: Iterable[Target]) -> set[int]:
    """The fewest ports that find all rows about these TCP sockets.

    The table is asked for both ends of each port, so one port of a connection is enough; the port
    that many connections share (their listener's) serves them all.
    """
    streams = [each for each in subjects if descriptors.is_stream(each.sock) and each.local]
    pairs = [[end.port for end in (each.local, each.peer) if end] for each in streams]
    wanted = {each.local.port for each in streams if each.listens and each.local}
    common = Counter(port for pair in pairs for port in pair)
    for pair in pairs:
        if wanted.isdisjoint(pair):
            wanted.add(max(pair, key=common.__getitem__))
    return wanted


def _sockets_in(roles: Roles) -> Iterable[socket.socket]:
    return (known.socket for known in roles.everything() if known.socket is not None)


def _subject(roles: Roles, sock: socket.socket) -> Target:
    known = roles.remember(sock)
    is_open = descriptors.is_open(sock)
    if descriptors.listens(sock):
        roles.listening(sock)  # it may not have done so when it was named
    listens = known.part == "listener"
    local, peer = _ends(sock, known)
    inode = descriptors.inode(sock) if is_open and has("linux") else None
    return Target(sock, known, is_open, listens, local, None if listens else peer, inode)


def _ends(sock: socket.socket, known: Remembered) -> tuple[Endpoint | None, Endpoint | None]:
    """The ends of a socket: as the kernel tells them, else as last seen.

    A TCP socket in TIME_WAIT still has a descriptor, but getpeername(2) fails already.
    """
    local, peer = descriptors.local_endpoint(sock), descriptors.peer_endpoint(sock)
    past = _past.get(sock) or _Past(known.part, _endpoint(known.local), _endpoint(known.peer))
    if peer is None and descriptors.is_stream(sock) and local in (None, past.local):
        peer = past.peer
    return local or past.local, peer


def _endpoint(address: tuple[str, int] | None) -> Endpoint | None:
    return Endpoint(*address) if address else None


def remember(subject: Target, peer: Endpoint | None) -> None:
    """Keep what a socket is now for when it is closed. Its name is not kept: others may need it."""
    _past[subject.sock] = _Past(subject.known.part, subject.local, peer)
