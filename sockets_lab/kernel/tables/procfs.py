"""Read the kernel's table of TCP sockets from /proc/net/tcp and /proc/net/tcp6: the second way.

It works wherever Linux's /proc is mounted, also where netlink is forbidden. It lists every socket
of the machine and a listener's queue, but not the queue's limit. See proc(5); an address, which is
in network byte order, is printed as a number in the machine's byte order: hence the reversal on
little-endian machines.
"""

import socket
import struct
from collections.abc import Collection, Iterator
from pathlib import Path

from sockets_lab.addresses import Endpoint
from sockets_lab.kernel.records import STATES, Row, payload

__all__ = ["endpoint", "parse", "rows"]

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def rows(ports: Collection[int]) -> list[Row]:
    """Return every TCP socket of this machine with one of `ports` at either end.

    Raises OSError where there is no /proc/net/tcp.
    """
    wanted = {f":{port:04X}" for port in ports}
    texts = [table.read_text() for table in _TABLES if table.exists() or table is _TABLES[0]]
    # The kernel prints a page at a time; while sockets come and go, it prints some of them twice.
    found = (parse(line) for text in texts for line in _lines(text, wanted))
    return list({(row.local, row.peer, row.inode): row for row in found}.values())


def parse(line: str) -> Row:
    """Parse one line of the table."""
    _, local, peer, number, queues, _, _, _, _, file, *_ = line.split()
    state, inode = STATES.get(int(number, 16), "CLOSED"), int(file)
    sent, received = (int(field, 16) for field in queues.split(":"))
    if state == "LISTEN":
        return Row(state, endpoint(local), None, inode != 0, inode, queue=received)
    ends = endpoint(local), endpoint(peer)
    return Row(state, *ends, inode != 0, inode, *payload(state, received, sent))


def endpoint(field: str) -> Endpoint:
    """Parse a field such as `0100007F:8CCB` (127.0.0.1:36043)."""
    address, port = field.split(":")
    words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return Endpoint(socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words)), int(port, 16))


def _lines(text: str, wanted: Collection[str]) -> Iterator[str]:
    """Yield the lines that hold a wanted port; the first line is a heading."""
    for line in text.splitlines()[1:]:
        _, local, peer, *_ = line.split(maxsplit=3)
        if local[-5:] in wanted or peer[-5:] in wanted:
            yield line
