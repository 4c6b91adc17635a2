"""Look up known sockets: by object, by name, by endpoint.

The indices are here because a search through the list was measured, on a recording of connections
that one process opens and accepts, 80 us each. A search for the next free number adds 87 us a
connection when there are 100 of them and 600 us when there are 1000; one for an endpoint 14 and
180 us; one for the sockets without an endpoint nothing and 20 us.
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
    covers,
    describe_address,
    endpoint_of,
    normalize,
)

__all__ = ["Directory", "lock"]

lock = threading.RLock()


class Directory:
    """The reading side of `Roles`: what is known of each socket. Iteration gives the names."""

    def __init__(self) -> None:
        self._sockets: list[Remembered] = []
        self._far_ends: list[Remembered] = []  # ends of connections that were not seen themselves
        self._by_id: dict[int, tuple[weakref.ref[socket.socket], Remembered]] = {}
        self._by_name: dict[str, Remembered] = {}  # former names too
        self._by_endpoint: dict[tuple[str, Address], list[Remembered]] = {}  # the latest last
        self._unbound: set[Remembered] = set()

    def __iter__(self) -> Iterator[str]:
        return iter([known.role for known in self._sockets])

    def __len__(self) -> int:
        return len(self._sockets)

    def __contains__(self, role: object) -> bool:
        return any(known.role == role for known in self._sockets)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"

    def find(self, sock: socket.socket) -> Remembered | None:
        """Return what is known of `sock`, or None; asks and changes nothing."""
        found = self._by_id.get(id(sock))
        return found[1] if found else None

    def remembered(self, role: str) -> Remembered:
        """Return what is known of the socket that is, or once was, called `role`, or KeyError."""
        return self._by_name[role]

    def now_called(self, role: str) -> str:
        """Return the present name of the socket once called `role`; `role` if there is none."""
        known = self._by_name.get(role)
        return known.role if known else role

    def everything(self) -> tuple[Remembered, ...]:
        """Return what is known of every socket, in the order they were seen; closed ones too."""
        return tuple(self._sockets)

    def at(self, address: object, kind: str = "stream") -> Remembered | None:
        """Return the socket whose local endpoint is `address`; it may be in another process."""
        endpoint = normalize(address)
        if endpoint is None:
            return None
        with lock:
            self._refresh_unbound()
            return self._latest_at(kind, endpoint)

    def of_endpoint(self, endpoint: object, kind: str = "stream") -> str:
        """Return an address in words: "the listener's address", "client 1's address".

        `endpoint` is an `Endpoint` or any address that a socket call takes or gives; `kind` is
        "stream" or "datagram". Where no known socket has it: "127.0.0.1, some port"; port 0 and
        ports below 1024 are shown, since a person typed them.
        """
        found = self.at(endpoint, kind)
        return found.address if found else describe_address(endpoint)

    def client_of(self, local: object, peer: object) -> Remembered | None:
        """Return the client at `local`; if several share it, the one connected to `peer`."""
        near, far = normalize(local), normalize(peer)
        if near is None:
            return None
        with lock:
            self._refresh_unbound()
            for known in reversed(self._by_endpoint.get(("stream", near), ())):
                if known.part == "client" and known.peer == far is not None:
                    return known
            found = self._latest_at("stream", near)
            return found if found and found.part == "client" else None

    def _first_without_address(self) -> Remembered | None:
        """Return the first client without an address and a connection (unix sockets)."""
        clients = (known for known in self._sockets if known.part == "client")
        return next((each for each in clients if not each.local and not each.other), None)

    def _take_far_end(self, part: str, local: Address | None) -> Remembered | None:
        """Remove and return the far end that turns out to be a socket of this process."""
        for known in self._far_ends if local else ():
            if known.part == part and local and known.local and covers(local, known.local):
                self._far_ends.remove(known)
                return known
        return None

    # Keeping the indices; all of it under the lock

    def _link(self, sock: socket.socket, known: Remembered) -> None:
        """Let `find` return `known` for `sock`."""
        # When the socket dies its id is free again: pop(id, ref) forgets the id, whatever `ref` is.
        known.ref = weakref.ref(sock, partial(self._by_id.pop, id(sock)))
        self._by_id[id(sock)] = known.ref, known

    def _note_endpoints(
        self, known: Remembered, local: Address | None, peer: Address | None
    ) -> None:
        known.local, known.peer = local or known.local, peer or known.peer
        if known.local is None:
            self._unbound.add(known)
        elif known.part != "connection" or not self._latest_at(known.kind, known.local):
            here = self._by_endpoint.setdefault((known.kind, known.local), [])
            if known in here:
                here.remove(known)
            here.append(known)  # a connection's endpoint is the listener's

    def _latest_at(self, kind: str, endpoint: Address) -> Remembered | None:
        anywhere = ((host, endpoint[1]) for host in WILDCARDS)
        found = (self._by_endpoint.get((kind, each)) for each in (endpoint, *anywhere))
        return next((here[-1] for here in found if here), None)

    def _refresh(self, known: Remembered) -> None:
        sock = known.socket
        if sock is not None:
            local, peer = endpoint_of(sock, "getsockname"), endpoint_of(sock, "getpeername")
            self._note_endpoints(known, local, peer)

    def _refresh_unbound(self) -> None:
        """Ask again for the endpoints of sockets that had none when they were last asked."""
        for known in tuple(self._unbound):
            self._refresh(known)
            if known.local or known.socket is None:
                self._unbound.discard(known)
