"""Collect the sockets to look at, with their roles, and the ports to ask the kernel about."""

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
    """One socket to look at. `local` and `peer` are its endpoints, now or when last seen."""

    sock: socket.socket
    known: Remembered
    is_open: bool
    listens: bool
    local: Endpoint | None
    peer: Endpoint | None
    inode: int | None


class _Past(NamedTuple):
    """The role and endpoints of a socket at the last look.

    A closed socket no longer has them, but the kernel may still list its endpoints, for instance
    in TIME_WAIT.
    """

    part: str
    local: Endpoint | None
    peer: Endpoint | None


_past: Final[weakref.WeakKeyDictionary[socket.socket, _Past]] = weakref.WeakKeyDictionary()


def introduce(
    roles: Roles | None, sockets: Sequence[socket.socket], named: Mapping[str, socket.socket]
) -> Roles:
    """Return `roles`, or new ones, with all these sockets added."""
    for sock in (*sockets, *named.values()):
        descriptors.require_socket(sock)
    roles = Roles() if roles is None else roles
    for name, sock in named.items():
        roles.add(sock, name.replace("_", " "))
    # Listeners first: their endpoints distinguish connections from clients.
    for sock in sorted((*named.values(), *sockets), key=_does_not_listen):
        _recall(roles, sock)
    return roles


def _does_not_listen(sock: socket.socket) -> bool:
    past = _past.get(sock)
    return not (descriptors.listens(sock) or (past and past.part == "listener"))


def _recall(roles: Roles, sock: socket.socket) -> None:
    """Add a socket to the roles; a closed one as what it was at the last look."""
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
    """Return the sockets to look at, each once: those given, else all that `roles` holds."""
    chosen = sockets or [sock for sock in _sockets_in(roles) if descriptors.is_internet(sock)]
    return [_target(roles, sock) for sock in dict.fromkeys(chosen)]


def ports_of(targets: Iterable[Target]) -> set[int]:
    """Return the fewest ports that find all rows of these TCP sockets.

    The table is searched for both ends, so one port of a connection is enough; the port that many
    connections share (their listener's) finds them all.
    """
    streams = [each for each in targets if descriptors.is_stream(each.sock) and each.local]
    pairs = [[end.port for end in (each.local, each.peer) if end] for each in streams]
    wanted = {each.local.port for each in streams if each.listens and each.local}
    common = Counter(port for pair in pairs for port in pair)
    for pair in pairs:
        if wanted.isdisjoint(pair):
            wanted.add(max(pair, key=common.__getitem__))
    return wanted


def _sockets_in(roles: Roles) -> Iterable[socket.socket]:
    return (known.socket for known in roles.everything() if known.socket is not None)


def _target(roles: Roles, sock: socket.socket) -> Target:
    known = roles.remember(sock)
    is_open = descriptors.is_open(sock)
    if descriptors.listens(sock):
        roles.listening(sock)  # it may not have been listening when it was named
    listens = known.part == "listener"
    local, peer = _ends(sock, known)
    inode = descriptors.inode(sock) if is_open and has("linux") else None
    return Target(sock, known, is_open, listens, local, None if listens else peer, inode)


def _ends(sock: socket.socket, known: Remembered) -> tuple[Endpoint | None, Endpoint | None]:
    """Return the endpoints of a socket: from the kernel, else from the last look.

    A TCP socket in TIME_WAIT still has a descriptor, but getpeername(2) already fails.
    """
    local, peer = descriptors.local_endpoint(sock), descriptors.peer_endpoint(sock)
    past = _past.get(sock) or _Past(known.part, _endpoint(known.local), _endpoint(known.peer))
    if peer is None and descriptors.is_stream(sock) and local in (None, past.local):
        peer = past.peer
    return local or past.local, peer


def _endpoint(address: tuple[str, int] | None) -> Endpoint | None:
    return Endpoint(*address) if address else None


def remember(target: Target, peer: Endpoint | None) -> None:
    """Keep what a socket is now, for after close(); not its name, which another socket may need."""
    _past[target.sock] = _Past(target.known.part, target.local, peer)
