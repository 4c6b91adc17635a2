"""Find the rows of the kernel's table that belong to the sockets looked at."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from sockets_lab.addresses import Endpoint
from sockets_lab.kernel.records import Row
from sockets_lab.kernel.targets import Target
from sockets_lab.roles import Roles

__all__ = ["RowIndex"]

Address = tuple[str, int]
Ends = tuple[Address, Address | None]

_ANY_IPV4, _ANY = "0.0.0.0", "::"
_BEFORE_ACCEPT: Final = ("SYN_RECV", "ESTABLISHED", "CLOSE_WAIT")


class RowIndex:
    """The rows of the kernel's table, by inode and by endpoints, for some targets."""

    def __init__(self, targets: Sequence[Target], rows: Sequence[Row]) -> None:
        self._rows = dict(enumerate(rows))
        self._by_inode = {row.inode: number for number, row in self._rows.items() if row.inode}
        self._by_ends: defaultdict[Ends, list[int]] = defaultdict(list)
        for number, row in self._rows.items():
            self._by_ends[_ends(row.local, _known_peer(row))].append(number)
        self._listening = {_address(each.local) for each in targets if each.listens and each.local}
        self._pairs = {
            _ends(*ends)
            for each in targets
            if each.local and each.peer
            for ends in ((each.local, each.peer), (each.peer, each.local))
        }

    def take(self, target: Target) -> Row | None:
        """Remove and return the row of a target, or None if there is none."""
        number = self._by_inode.get(target.inode or 0)
        if number is None and target.local:
            known = {_ends(target.local, peer) for peer in (target.peer, None)}
            alike = (each for ends in known for each in self._by_ends.get(ends, ()))
            number = next((each for each in alike if self._fits(target, each)), None)
        return None if number is None else self._rows.pop(number, None)

    def others(self, roles: Roles) -> Iterator[tuple[str, Row]]:
        """Yield the other rows that are connected to the targets, each with its role.

        Rows without a descriptor and of unknown clients are leftovers of an earlier user of the
        port: they are skipped.
        """
        for row in sorted(self._rows.values(), key=lambda row: row.peer or row.local):
            if row.peer is None or not self._concerns(row):
                continue
            if row.held is False and row.state not in _BEFORE_ACCEPT and not _is_known(row, roles):
                continue
            yield self._role(row, row.peer, roles), row

    def _fits(self, target: Target, number: int) -> bool:
        row = self._rows.get(number)
        if row is None or (row.state == "LISTEN") != target.listens:
            return False
        # A row with a descriptor belongs to another socket, unless this table has no inodes.
        return not row.held or (target.is_open and target.inode is None)

    def _concerns(self, row: Row) -> bool:
        return (
            _ends(row.local, row.peer) in self._pairs
            or self._is_listening(row.local)
            or (row.peer is not None and self._is_listening(row.peer))
        )

    def _is_listening(self, end: Endpoint) -> bool:
        host, port = _address(end)
        names = (host, _ANY) if ":" in host else (host, _ANY_IPV4, _ANY)
        return any((name, port) in self._listening for name in names)

    def _role(self, row: Row, peer: Endpoint, roles: Roles) -> str:
        here = roles.client_of(row.local, peer)
        if here:
            return here.role
        if roles.client_of(peer, row.local) or self._is_listening(row.local):
            return roles.connection_of(peer, row.local)
        roles.connection_of(row.local, peer)  # adds the client to the roles
        client = roles.client_of(row.local, peer)
        return client.role if client else "client"


def _known_peer(row: Row) -> Endpoint | None:
    """Return the peer to find a row by; None while connecting: the socket cannot name it yet."""
    return None if row.state == "SYN_SENT" else row.peer


def _is_known(row: Row, roles: Roles) -> bool:
    ends = (roles.at(end) for end in (row.local, row.peer) if end)
    return any(known.part == "client" for known in ends if known)


def _ends(local: Endpoint, peer: Endpoint | None) -> Ends:
    return _address(local), _address(peer) if peer else None


def _address(end: Endpoint) -> Address:
    """Return host and port, an IPv4-mapped IPv6 address as IPv4 (RFC 4291, section 2.5.5.2)."""
    mapped = end.host.removeprefix("::ffff:")
    return (mapped if "." in mapped else end.host), end.port
