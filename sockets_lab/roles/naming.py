"""Name sockets by the part they play.

Clients and connections come in pairs: the connection that `accept()` returned for "client 2" is
"connection 2", whatever the order of the accepts. The pair is found as the kernel finds it, by its
endpoints. A far end that lives in another process takes part too: it has a name and no socket.
"""

import socket

from sockets_lab.roles.directory import Directory, lock
from sockets_lab.roles.known import (
    Address,
    Remembered,
    endpoint_of,
    is_listening,
    kind_of,
    name_of,
    normalize,
    observed_part,
    option_of,
    parse_role,
    record_part,
)

__all__ = ["Roles"]

_PAIR = ("client", "connection")


class Roles(Directory):
    """Names for sockets, given in the order in which the sockets are seen. Safe between threads.

    `sockets` are named by what the kernel reports. `named` sockets get the name they are given
    under, with spaces for underscores: `Roles(client_1=sock)` calls it "client 1". Sockets are
    neither closed nor kept alive; a closed socket keeps its name. Iteration gives the names.
    """

    def __init__(self, *sockets: socket.socket, **named: socket.socket) -> None:
        super().__init__()
        self._numbers: dict[tuple[str, ...], int] = {}
        for name, sock in named.items():
            self.add(sock, name.replace("_", " "))
        # Listeners first: their endpoints distinguish connections from clients.
        for sock in (*filter(is_listening, sockets), *sockets):
            self.add(sock)

    def add(self, sock: socket.socket, role: str | None = None) -> str:
        """Make `sock` known and return its role.

        Without `role` the kernel decides: SO_ACCEPTCONN, SO_TYPE and getpeername(2). With `role`
        the socket is called so from now on; ValueError when another socket has that name.
        """
        with lock:
            known = self.find(sock) or self._register(sock, *parse_role(role or ""))
            if role is not None and role != known.role:
                self._rename(known, role)
            return known.role

    def of(self, sock: socket.socket) -> str:
        """Return the role of `sock`, which becomes known if it was not."""
        return self.remember(sock).role

    def rename(self, role: str, new: str) -> None:
        """Call the socket known as `role` by the name `new`; KeyError, ValueError as for `add`."""
        with lock:
            self._rename(self.remembered(role), new)

    def remember(self, sock: socket.socket) -> Remembered:
        """Return what is known of `sock`, which becomes known if it was not."""
        with lock:
            return self.find(sock) or self._register(sock)

    def connection_of(self, peer: object, local: object = None) -> str:
        """Return the name of the connection with a client at `peer`, accepted or not.

        It carries the number of that client: "connection 2" for "client 2". Where clients share
        that endpoint, `local`, the connection's local endpoint, decides which one is meant.
        """
        with lock:
            client = self._client_at(normalize(peer), near=normalize(local))
            return client.other.role if client.other else name_of("connection", client.number)

    # What happened to a socket, reported by a recording or by the kernel

    def listening(self, sock: socket.socket) -> None:
        """Note that `sock` listens now."""
        with lock:
            known = self.remember(sock)
            self._become(known, "listener")
            self._refresh(known)

    def connecting(self, sock: socket.socket) -> None:
        """Note that `sock` is about to connect, or just did."""
        with lock:
            known = self.remember(sock)
            if known.kind == "stream":
                self._become(known, "client")
            self._refresh(known)
            if known.part == "client" and known.peer and not self.at(known.peer):
                self._far_end("listener", known.peer)

    def accepted(self, sock: socket.socket, peer: object) -> Remembered:
        """Note that accept() returned `sock` with `peer`, the address of the far end."""
        with lock:
            known = self.find(sock) or self._register(sock, "connection", peer=normalize(peer))
            record_part(sock, known.part, known.number)
            return known

    def refresh(self, sock: socket.socket) -> None:
        """Note the endpoints that `sock` has now; the old ones stay when it has none."""
        with lock:
            self._refresh(self.remember(sock))

    def recall(self, sock: socket.socket, local: object, peer: object) -> None:
        """Note the endpoints that `sock`, which is closed by now, is known to have had."""
        with lock:
            self._note_endpoints(self.remember(sock), normalize(local), normalize(peer))

    def alias(self, sock: socket.socket, known: Remembered) -> None:
        """Note that `sock` is another Python object for the socket `known`, as in `wrap_socket`."""
        with lock:
            self._link(sock, known)
            record_part(sock, known.part, known.number)

    # Inside; all of it under the lock

    def _register(
        self, sock: socket.socket, part: str = "", number: int = 0, peer: Address | None = None
    ) -> Remembered:
        local, peer = endpoint_of(sock, "getsockname"), peer or endpoint_of(sock, "getpeername")
        if not part:
            part, number = _observed(self, sock, local, peer)
        known = self._take_far_end(part, local) or self._new(
            part, kind_of(sock), number, peer, local
        )
        self._link(sock, known)
        self._sockets.append(known)
        self._note_endpoints(known, local, peer)
        return known

    def _new(
        self,
        part: str,
        kind: str,
        number: int,
        peer: Address | None,
        local: Address | None = None,
    ) -> Remembered:
        client = self._client_at(peer, number, local) if part == "connection" else None
        if client and client.other:
            client = None  # an older connection had the same endpoints
        known = Remembered(part, client.number if client else self._number(part, number), kind)
        if client:
            client.other, known.other = known, client
        self._by_name.setdefault(known.role, known)
        return known

    def _number(self, part: str, wanted: int = 0) -> int:
        """Return the next free number; clients and connections share theirs."""
        parts = _PAIR if part in _PAIR else (part,)
        number = wanted or self._numbers.get(parts, 1)
        while any(name_of(each, number) in self._by_name for each in parts):
            number += 1
        if not wanted:
            self._numbers[parts] = number  # no lower one is free
        return number

    def _client_at(
        self, peer: Address | None, number: int = 0, near: Address | None = None
    ) -> Remembered:
        found = self.client_of(peer, near) or self.at(peer)
        found = found if peer else self._first_without_address()
        if found and found.part == "socket":
            self._become(found, "client")
        if found and found.part == "client":
            return found
        return self._far_end("client", peer, number)

    def _far_end(self, part: str, local: Address | None, number: int = 0) -> Remembered:
        """Name a socket of another process, or one of this process that was not seen yet."""
        known = self._new(part, "stream", number, None)
        self._note_endpoints(known, local, None)
        self._far_ends.append(known)
        return known

    def _become(self, known: Remembered, part: str) -> None:
        """Give a part to a socket of which nothing was known."""
        if known.part != "socket":
            return
        chosen = known.role != name_of(known.part, known.number)
        known.part, known.number = part, self._number(part)
        name = name_of(part, known.number)
        self._by_name[name] = known
        known.role = known.role if chosen else name
        sock = known.socket
        if sock is not None:
            record_part(sock, part, known.number)

    def _rename(self, known: Remembered, role: str) -> None:
        """Give `known` a name that the caller chose."""
        if self._by_name.setdefault(role, known) is not known:
            raise ValueError(f"{role!r} is the name of another socket: choose another name")
        known.role = role
        part, number = parse_role(role)
        if part:
            known.part, known.number = part, number


def _observed(
    directory: Directory, sock: socket.socket, local: Address | None, peer: Address | None
) -> tuple[str, int]:
    """Return the part that `sock` plays, and the number it had in an earlier `Roles` (0: none)."""
    kind = kind_of(sock)
    if kind != "stream":
        return ("datagram socket" if kind == "datagram" else "socket"), 0
    if is_listening(sock):
        return "listener", 0
    if observed := observed_part(sock):
        return observed
    if peer is None:
        return "socket", 0
    return ("connection" if _was_accepted(directory, sock, local, peer) else "client"), 0


def _was_accepted(
    directory: Directory, sock: socket.socket, local: Address | None, peer: Address
) -> bool:
    """Return True if accept() made `sock`, judged by the part that either end plays."""
    for endpoint, answer in ((local, True), (peer, False)):
        found = directory.at(endpoint)
        if found and found.part == "listener":
            return answer
        if found and found.part == "client":
            return not answer
    # Neither end is known. An accepted socket has its listener's options (tcp(7)), and a
    # listener that can be restarted immediately has SO_REUSEADDR.
    return bool(option_of(sock, socket.SO_REUSEADDR))
