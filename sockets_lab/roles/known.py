"""One socket as it is remembered, and what the kernel reports about it.

The kernel is asked through the methods below `socket.socket`, so that a recording of the learner's
calls (`sockets_lab.recording`) never contains these calls.
"""

import re
import socket
import weakref
from functools import partial

__all__ = [
    "WILDCARDS",
    "Address",
    "Remembered",
    "covers",
    "describe_address",
    "endpoint_of",
    "is_listening",
    "kind_of",
    "name_of",
    "normalize",
    "observed_part",
    "option_of",
    "parse_role",
    "record_part",
]

Address = tuple[str, int]

WILDCARDS = ("0.0.0.0", "::")
_NAME = re.compile("(listener|client|connection|datagram socket|socket)(?: ([0-9]+))?")
_WELL_KNOWN = 1024  # ports below are typed by people; the others were chosen by a kernel


# The kernel does not say which of connect() and accept() a connected socket came from. The parts of
# sockets that still live are kept here by id(), so that a later `Roles` need not guess.
_observed: dict[int, tuple[weakref.ref[socket.socket], str, int]] = {}


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
        """Return the socket, or None when it was collected or lives in another process."""
        return self.ref() if self.ref is not None else None

    @property
    def address(self) -> str:
        """Return its local address in words: "the listener's address", "client 1's address"."""
        return f"{'the ' if self.role == 'listener' else ''}{self.role}'s address"


def record_part(sock: socket.socket, part: str, number: int) -> None:
    """Keep the part that `sock` plays, for as long as `sock` lives."""
    # When the socket dies its id is free again: pop(id, ref) forgets the id, whatever `ref` is.
    _observed[id(sock)] = weakref.ref(sock, partial(_observed.pop, id(sock))), part, number


def observed_part(sock: socket.socket) -> tuple[str, int] | None:
    """Return the part that `sock` was seen to play, and its number; None if it was not seen."""
    observed = _observed.get(id(sock))
    return observed[1:] if observed else None


def name_of(part: str, number: int) -> str:
    """Return the name of a socket by the part it plays: "listener", "listener 2", "client 1"."""
    return part if (part, number) == ("listener", 1) else f"{part} {number}"


def parse_role(role: str) -> tuple[str, int]:
    """Return the part and number in a name: ("client", 2) for "client 2"; ("", 0) for others."""
    match = _NAME.fullmatch(role)
    return (match[1], int(match[2] or 1)) if match else ("", 0)


def normalize(address: object) -> Address | None:
    """Return (host, port) of any internet address, without %zones and the prefix ::ffff:."""
    if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[1], int):
        return None
    host = str(address[0]).partition("%")[0] or "0.0.0.0"
    mapped = host.lower().removeprefix("::ffff:")
    return (mapped if "." in mapped else host), address[1]


def covers(local: Address, endpoint: Address) -> bool:
    """Return True if a socket bound to `local` is the one that is reached at `endpoint`."""
    return local == endpoint or (local[0] in WILDCARDS and local[1] == endpoint[1])


def describe_address(address: object) -> str:
    """Return an address that no known socket has in words; only a typed port is shown."""
    endpoint = normalize(address)
    if endpoint is None:
        return "an address"
    host, port = endpoint
    return f"{host}, {f'port {port}' if port < _WELL_KNOWN else 'some port'}"


def endpoint_of(sock: socket.socket, method: str) -> Address | None:
    """Call getsockname or getpeername; return None after an error or if nothing is bound."""
    try:
        endpoint = normalize(getattr(super(socket.socket, sock), method)())
    except OSError:
        return None
    return endpoint if endpoint and endpoint[1] else None


def option_of(sock: socket.socket, option: int) -> int:
    """Return an option of SOL_SOCKET; 0 for a closed socket or a system without the option."""
    try:
        return super(socket.socket, sock).getsockopt(socket.SOL_SOCKET, option)
    except OSError:
        return 0


def is_listening(sock: socket.socket) -> bool:
    """Return True if the kernel accepts connections for `sock`."""
    return bool(option_of(sock, socket.SO_ACCEPTCONN))


def kind_of(sock: socket.socket) -> str:
    """Return the kind of socket: "stream", "datagram" or "other"."""
    kinds: dict[int, str] = {socket.SOCK_STREAM: "stream", socket.SOCK_DGRAM: "datagram"}
    return kinds.get(sock.type, "other")
