"""One socket as it is remembered, and what the kernel says of it when asked quietly.

Questions go to the methods below `socket.socket`, so that a recording of the learner's calls
(`sockets_lab.recording`) never contains them.
"""

import re
import socket
import weakref
from functools import partial

__all__ = [
    "WILDCARDS",
    "Address",
    "Remembered",
    "ask",
    "covers",
    "in_words",
    "is_listening",
    "kind_of",
    "name_of",
    "option_of",
    "plain",
    "said",
    "see_as",
    "seen_as",
]

Address = tuple[str, int]

WILDCARDS = ("0.0.0.0", "::")
_NAME = re.compile("(listener|client|connection|datagram socket|socket)(?: ([0-9]+))?")
_WELL_KNOWN = 1024  # ports below are typed by people; the others were chosen by a kernel


# The kernel does not say whether a connected socket came from connect() or from accept(). What was
# seen of sockets that still live is kept here by id(), so that a later `Roles` need not guess.
_seen: dict[int, tuple[weakref.ref[socket.socket], str, int]] = {}


class Remembered:
    """What is known of one socket, also after it is gone.

    `role` is its name now. `part` is "listener", "client", "connection", "datagram socket" or
    "socket" (nothing known yet). `kind` is "stream", "datagram" or "other". `local` and `peer` are
    (host, port) as last seen, or None. `other` is the far end of a client or a connection.
    """

    __slots__ = ("__weakref__", "kind", "local", "number", "other", "part", "peer", "ref", "role")

    def __init__(self, part: str, number: int, kind: str) -> None:
        self.part = part
        self.number = number
        self.kind = kind
        self.role = name_of(part, number)
        self.local: Address | None = None
        self.peer: Address | None = None
        self.other: Remembered | None = None
        self.ref: weakref.ref[socket.socket] | None = None

    def __repr__(self) -> str:
        return f"<Remembered {self.role}>"

    @property
    def socket(self) -> socket.socket | None:
        """The socket, or None when it was collected or lives in another process."""
        return self.ref() if self.ref is not None else None

    @property
    def address(self) -> str:
        """Its local address in words: "the listener's address", "client 1's address"."""
        return f"{'the ' if self.role == 'listener' else ''}{self.role}'s address"


def see_as(sock: socket.socket, part: str, number: int) -> None:
    """Keep in mind, as long as `sock` lives, that it was seen to play this part."""
    # When the socket dies its id is free again: pop(id, ref) forgets the id, whatever `ref` is.
    _seen[id(sock)] = weakref.ref(sock, partial(_seen.pop, id(sock))), part, number


def seen_as(sock: socket.socket) -> tuple[str, int] | None:
    """The part that `sock` was seen to play, and its number; None if it was not seen."""
    seen = _seen.get(id(sock))
    return seen[1:] if seen else None


def name_of(part: str, number: int) -> str:
    """The name of a socket by the part it plays: "listener", "listener 2", "client 1"."""
    return part if (part, number) == ("listener", 1) else f"{part} {number}"


def said(role: str) -> tuple[str, int]:
    """The part and number that a name tells: ("client", 2) for "client 2"; ("", 0) for others."""
    match = _NAME.fullmatch(role)
    return (match[1], int(match[2] or 1)) if match else ("", 0)


def plain(address: object) -> Address | None:
    """(host, port) of any internet address, with ::ffff:127.0.0.1 and %zones made plain."""
    if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[1], int):
        return None
    host = str(address[0]).partition("%")[0] or "0.0.0.0"
    mapped = host.lower().removeprefix("::ffff:")
    return (mapped if "." in mapped else host), address[1]


def covers(local: Address, place: Address) -> bool:
    """Whether a socket bound to `local` is the one that is reached at `place`."""
    return local == place or (local[0] in WILDCARDS and local[1] == place[1])


def in_words(address: object) -> str:
    """An address that no known socket has: its port is told only if a person typed it."""
    place = plain(address)
    if place is None:
        return "an address"
    host, port = place
    return f"{host}, {f'port {port}' if port < _WELL_KNOWN else 'some port'}"


def ask(sock: socket.socket, question: str) -> Address | None:
    """getsockname or getpeername; None when there is no answer or nothing is bound."""
    try:
        place = plain(getattr(super(socket.socket, sock), question)())
    except OSError:
        return None
    return place if place and place[1] else None


def option_of(sock: socket.socket, option: int) -> int:
    """An option of SOL_SOCKET; 0 for a closed socket or a system without the option."""
    try:
        return super(socket.socket, sock).getsockopt(socket.SOL_SOCKET, option)
    except OSError:
        return 0


def is_listening(sock: socket.socket) -> bool:
    """Whether the kernel accepts connections for `sock`."""
    return bool(option_of(sock, socket.SO_ACCEPTCONN))


def kind_of(sock: socket.socket) -> str:
    """The kind of socket: "stream", "datagram" or "other"."""
    kinds: dict[int, str] = {socket.SOCK_STREAM: "stream", socket.SOCK_DGRAM: "datagram"}
    return kinds.get(sock.type, "other")
