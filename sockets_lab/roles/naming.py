"""The registry that names sockets by the part they play.

Clients and connections come in pairs: the connection that `accept()` returned for "client 2" is
"connection 2", whatever the order of the accepts. The pair is found as the kernel finds it, by its
endpoints. A far end that lives in another process takes part too: it has a name and no socket.
"""

import socket
import threading
import weakref
from collections.abc import Iterator
from functools import partial

from sockets_lab.roles.known import (
    WILDCARDS,
    Address,
    Remembered,
    ask,
    covers,
    in_words,
    is_listening,
    kind_of,
    name_of,
    option_of,
    plain,
    said,
    see_as,
    seen_as,
)

__all__ = ["Roles"]

_PAIR = ("client", "connection")

_lock = threading.RLock()


class Roles:
    """Names for sockets, given in the order in which the sockets are seen. Safe between threads.

    `sockets` are named by what the kernel says of them. `named` sockets get the name they are given
    under, with spaces for underscores: `Roles(client_1=sock)` calls it "client 1". Sockets are
    neither closed nor kept alive; a closed socket keeps its name. Iteration gives the names.
    """

    def __init__(self, *sockets: socket.socket, **named: socket.socket) -> None:
        self._by_id: dict[int, Remembered] = {}
        self._refs: dict[int, weakref.ref[socket.socket]] = {}
        self._by_name: dict[str, Remembered] = {}
        self._by_place: dict[tuple[str, Address], Remembered] = {}
        self._by_pair: dict[tuple[Address, Address], Remembered] = {}  # clients, which may share
        self._met: list[Remembered] = []
        self._far_ends: list[Remembered] = []
        self._unbound: set[Remembered] = set()
        self._numbers: dict[tuple[str, ...], int] = {}
        for name, sock in named.items():
            self.add(sock, name.replace("_", " "))
        # Listeners first: their endpoints tell connections from clients.
        for sock in (*filter(is_listening, sockets), *sockets):
            self.add(sock)

    def __iter__(self) -> Iterator[str]:
        return iter([known.role for known in self._met])

    def __len__(self) -> int:
        return len(self._met)

    def __contains__(self, role: object) -> bool:
        return any(known.role == role for known in self._met)

    def __repr__(self) -> str:
        return f"Roles({', '.join(self)})"

    def add(self, sock: socket.socket, role: str | None = None) -> str:
        """Make `sock` known and return its role.

        Without `role` the kernel's words decide: SO_ACCEPTCONN, SO_TYPE and getpeername(2). With
        `role` the socket is called so from now on; ValueError when another socket has that name.
        """
        with _lock:
            known = self.find(sock) or self._meet(sock, *said(role or ""))
            if role is not None and role != known.role:
                self._call(known, role)
            return known.role

    def of(self, sock: socket.socket) -> str:
        """The role of `sock`, which becomes known if it was not."""
        return self.remember(sock).role

    def rename(self, role: str, new: str) -> None:
        """Call the socket known as `role` by the name `new`; KeyError, ValueError as for `add`."""
        with _lock:
            self._call(self.remembered(role), new)

    def find(self, sock: socket.socket) -> Remembered | None:
        """What is known of `sock`, or None; asks and changes nothing."""
        return self._by_id.get(id(sock))

    def remember(self, sock: socket.socket) -> Remembered:
        """What is known of `sock`, which becomes known if it was not."""
        with _lock:
            return self.find(sock) or self._meet(sock)

    def remembered(self, role: str) -> Remembered:
        """What is known of the socket that is, or once was, called `role`; KeyError if nothing."""
        return self._by_name[role]

    def now_called(self, role: str) -> str:
        """The name that the socket once called `role` has now; `role` if nobody was called so."""
        known = self._by_name.get(role)
        return known.role if known else role

    def everything(self) -> tuple[Remembered, ...]:
        """What is known of every socket, in the order in which they were met; closed ones too."""
        return tuple(self._met)

    # Addresses in words

    def at(self, address: object, kind: str = "stream") -> Remembered | None:
        """The socket whose local endpoint is `address`, also a far end in another process."""
        place = plain(address)
        if place is None:
            return None
        with _lock:
            self._look_for_places()
            return self._found(kind, place)

    def of_endpoint(self, endpoint: object, kind: str = "stream") -> str:
        """An address in words: "the listener's address", "client 1's address".

        `endpoint` is an `Endpoint` or any address that a socket call takes or gives; `kind` is
        "stream" or "datagram". Where no known socket has it: "127.0.0.1, some port"; port 0 and
        ports below 1024 are told, since a person typed them.
        """
        found = self.at(endpoint, kind)
        return found.address if found else in_words(endpoint)

    def client_of(self, local: object, peer: object) -> Remembered | None:
        """The client at `local`; where several share that endpoint, the one connected to `peer`."""
        near, far = plain(local), plain(peer)
        pair = self._by_pair.get((near, far)) if near and far else None
        found = pair or self.at(near)
        return found if found and found.part == "client" else None

    def connection_of(self, peer: object, local: object = None) -> str:
        """The name of the connection whose far end is at `peer`, whether or not it was accepted.

        It carries the number of the client at `peer`: "connection 2" for "client 2". Where clients
        share that endpoint, `local`, the connection's own end, tells which one is meant.
        """
        with _lock:
            client = self._client_at(plain(peer), near=plain(local))
            return client.other.role if client.other else name_of("connection", client.number)

    # What happened to a socket, told by a recording

    def listening(self, sock: socket.socket) -> None:
        """`sock` listens now."""
        with _lock:
            known = self.remember(sock)
            self._become(known, "listener")
            self._refresh(known)

    def connecting(self, sock: socket.socket) -> None:
        """`sock` is about to connect, or just did."""
        with _lock:
            known = self.remember(sock)
            if known.kind == "stream":
                self._become(known, "client")
            self._refresh(known)
            if known.part == "client" and known.peer and not self.at(known.peer):
                self._far_end("listener", known.peer)

    def accepted(self, sock: socket.socket, peer: object) -> Remembered:
        """`sock` came out of accept(), which told `peer` as the address of the far end."""
        with _lock:
            known = self.find(sock) or self._meet(sock, "connection", peer=plain(peer))
            see_as(sock, known.part, known.number)
            return known

    def refresh(self, sock: socket.socket) -> None:
        """Note the endpoints that `sock` has now; the old ones stay when it has none."""
        with _lock:
            self._refresh(self.remember(sock))

    def recall(self, sock: socket.socket, local: object, peer: object) -> None:
        """Note the endpoints that `sock`, which is closed by now, is known to have had."""
        with _lock:
            self._place(self.remember(sock), plain(local), plain(peer))

    def same(self, sock: socket.socket, known: Remembered) -> None:
        """`sock` is another Python object for the kernel's socket `known`, as in `wrap_socket`."""
        with _lock:
            self._file(sock, known)
            see_as(sock, known.part, known.number)

    # Inside; all of it under the lock

    def _meet(
        self, sock: socket.socket, part: str = "", number: int = 0, peer: Address | None = None
    ) -> Remembered:
        local, peer = ask(sock, "getsockname"), peer or ask(sock, "getpeername")
        if not part:
            part, number = self._guess(sock, local, peer)
        known = self._expected(part, local) or self._new(part, kind_of(sock), number, peer, local)
        self._file(sock, known)
        self._met.append(known)
        self._place(known, local, peer)
        return known

    def _guess(
        self, sock: socket.socket, local: Address | None, peer: Address | None
    ) -> tuple[str, int]:
        """The part that `sock` plays, and the number it had in an earlier `Roles` (0: none)."""
        kind = kind_of(sock)
        if kind != "stream":
            return ("datagram socket" if kind == "datagram" else "socket"), 0
        if is_listening(sock):
            return "listener", 0
        if seen := seen_as(sock):
            return seen
        if peer is None:
            return "socket", 0
        return ("connection" if self._was_accepted(sock, local, peer) else "client"), 0

    def _was_accepted(self, sock: socket.socket, local: Address | None, peer: Address) -> bool:
        """Whether accept() made `sock`: told by the part that either end plays."""
        for place, answer in ((local, True), (peer, False)):
            found = self.at(place)
            if found and found.part == "listener":
                return answer
            if found and found.part == "client":
                return not answer
        # Neither end is known. An accepted socket has its listener's options (tcp(7)), and a
        # listener that can be started again at once has SO_REUSEADDR.
        return bool(option_of(sock, socket.SO_REUSEADDR))

    def _expected(self, part: str, local: Address | None) -> Remembered | None:
        """The far end, met before, that turns out to be a socket of this process."""
        for known in self._far_ends if local else ():
            if known.part == part and local and known.local and covers(local, known.local):
                self._far_ends.remove(known)
                return known
        return None

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
        """The next number that nobody has; clients and connections share theirs."""
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
        found = found if peer else self._first_without_place()
        if found and found.part == "socket":
            self._become(found, "client")
        if found and found.part == "client":
            return found
        return self._far_end("client", peer, number)

    def _first_without_place(self) -> Remembered | None:
        """The client that waits longest for its connection where clients have no address (unix)."""
        clients = (known for known in self._met if known.part == "client")
        return next((each for each in clients if not each.local and not each.other), None)

    def _far_end(self, part: str, local: Address | None, number: int = 0) -> Remembered:
        """A socket of another process, or of this one and not met yet."""
        known = self._new(part, "stream", number, None)
        self._place(known, local, None)
        self._far_ends.append(known)
        return known

    def _file(self, sock: socket.socket, known: Remembered) -> None:
        # When the socket dies its id is free again: pop(id, ref) forgets the id, whatever `ref` is.
        known.ref = weakref.ref(sock, partial(self._by_id.pop, id(sock)))
        self._refs[id(sock)] = known.ref
        self._by_id[id(sock)] = known

    def _place(self, known: Remembered, local: Address | None, peer: Address | None) -> None:
        known.local, known.peer = local or known.local, peer or known.peer
        if known.local is None:
            self._unbound.add(known)
        elif known.part != "connection" or not self._found(known.kind, known.local):
            self._by_place[known.kind, known.local] = known  # a connection's is the listener's
        if known.part == "client" and known.local and known.peer:
            self._by_pair[known.local, known.peer] = known

    def _found(self, kind: str, place: Address) -> Remembered | None:
        anywhere = ((host, place[1]) for host in WILDCARDS)
        found = (self._by_place.get((kind, each)) for each in (place, *anywhere))
        return next(filter(None, found), None)

    def _refresh(self, known: Remembered) -> None:
        sock = known.socket
        if sock is not None:
            self._place(known, ask(sock, "getsockname"), ask(sock, "getpeername"))

    def _look_for_places(self) -> None:
        """Ask again where the sockets are that had no endpoint when they were last asked."""
        for known in tuple(self._unbound):
            self._refresh(known)
            if known.local or known.socket is None:
                self._unbound.discard(known)

    def _become(self, known: Remembered, part: str) -> None:
        """A socket of which nothing was known plays `part` from now on."""
        if known.part != "socket":
            return
        chosen = known.role != name_of(known.part, known.number)
        known.part, known.number = part, self._number(part)
        name = name_of(part, known.number)
        self._by_name[name] = known
        known.role = known.role if chosen else name
        sock = known.socket
        if sock is not None:
            see_as(sock, part, known.number)

    def _call(self, known: Remembered, role: str) -> None:
        """Give `known` a name of somebody's choice."""
        if self._by_name.setdefault(role, known) is not known:
            raise ValueError(f"{role!r} is the name of another socket: choose another name")
        known.role = role
        part, number = said(role)
        if part:
            known.part, known.number = part, number
