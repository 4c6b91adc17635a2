"""The rows of the kernel's table, sorted by whom they are about."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from sockets_lab.addresses import Endpoint
from sockets_lab.kernel.records import Row
from sockets_lab.kernel.targets import Target
from sockets_lab.roles import Roles

__all__ = ["RowIndex"]

Place = tuple[str, int]
Ends = tuple[Place, Place | None]

_ANY_IPV4, _ANY = "0.0.0.0", "::"
_BEFORE_ACCEPT: Final = ("SYN_RECV", "ESTABLISHED", "CLOSE_WAIT")


class RowIndex:
    """Some subjects (the sockets looked at) and the rows that may be about them."""

    def __init__(self, subjects: Sequence[Target], rows: Sequence[Row]) -> None:
        self._rows = dict(enumerate(rows))
        self._by_inode = {row.inode: number for number, row in self._rows.items() if row.inode}
        self._by_ends: defaultdict[Ends, list[int]] = defaultdict(list)
        for number, row in self._rows.items():
            self._by_ends[_ends(row.local, _known_peer(row))].append(number)
        self._doors = {_place(each.local) for each in subjects if each.listens and each.local}
        self._pairs = {
            _ends(*ends)
            for each in subjects
            if each.local and each.peer
            for ends in ((each.local, each.peer), (each.peer, each.local))
        }

    def take(self, subject: Target) -> Row | None:
        """The row about one of the subjects; it is not given out a second time."""
        number = self._by_inode.get(subject.inode or 0)
        if number is None and subject.local:
            known = {_ends(subject.local, peer) for peer in (subject.peer, None)}
            alike = (each for ends in known for each in self._by_ends.get(ends, ()))
            number = next((each for each in alike if self._fits(subject, each)), None)
        return None if number is None else self._rows.pop(number, None)

    def others(self, roles: Roles) -> Iterator[tuple[str, Row]]:
        """What else is connected to the subjects, each with its role.

        What nobody holds and nobody here knows was left over by somebody who used the port before.
        """
        for row in sorted(self._rows.values(), key=lambda row: row.peer or row.local):
            if row.peer is None or not self._concerns(row):
                continue
            if row.held is False and row.state not in _BEFORE_ACCEPT and not _is_known(row, roles):
                continue
            yield self._role(row, row.peer, roles), row

    def _fits(self, subject: Target, number: int) -> bool:
        row = self._rows.get(number)
        if row is None or (row.state == "LISTEN") != subject.listens:
            return False
        # A row that somebody holds is another socket's, unless this way cannot tell sockets apart.
        return not row.held or (subject.is_open and subject.inode is None)

    def _concerns(self, row: Row) -> bool:
        return (
            _ends(row.local, row.peer) in self._pairs
            or self._is_door(row.local)
            or (row.peer is not None and self._is_door(row.peer))
        )

    def _is_door(self, end: Endpoint) -> bool:
        host, port = _place(end)
        names = (host, _ANY) if ":" in host else (host, _ANY_IPV4, _ANY)
        return any((name, port) in self._doors for name in names)

    def _role(self, row: Row, peer: Endpoint, roles: Roles) -> str:
        here = roles.client_of(row.local, peer)
        if here:
            return here.role
        if roles.client_of(peer, row.local) or self._is_door(row.local):
            return roles.connection_of(peer, row.local)
        roles.connection_of(row.local, peer)  # makes the client known
        client = roles.client_of(row.local, peer)
        return client.role if client else "client"


def _known_peer(row: Row) -> Endpoint | None:
    """A socket cannot name its peer while it is connecting, so such rows are found without."""
    return None if row.state == "SYN_SENT" else row.peer


def _is_known(row: Row, roles: Roles) -> bool:
    ends = (roles.at(end) for end in (row.local, row.peer) if end)
    return any(known.part == "client" for known in ends if known)


def _ends(local: Endpoint, peer: Endpoint | None) -> Ends:
    return _place(local), _place(peer) if peer else None


def _place(end: Endpoint) -> Place:
    """Host and port, an IPv4 address mapped into IPv6 as itself (RFC 4291, section 2.5.5.2)."""
    mapped = end.host.removeprefix("::ffff:")
    return (mapped if "." in mapped else end.host), end.port
