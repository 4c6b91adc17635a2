"""Put calls into words that are the same on every run: no port, descriptor, address or time."""

import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import cache
from typing import Any

from sockets_lab.recording.journal import Entry
from sockets_lab.recording.methods import SHOWN, Data, Other, Space, Target, summarize
from sockets_lab.roles import Remembered, Roles

__all__ = ["arguments_of", "name_of", "nbytes_of", "result_of"]

_MOVERS = {"recv", "recv_into", "send", "sendfile", "sendmsg", "sendto"}
_FLAGS_AT = {"recv": 1, "recv_into": 2, "recvfrom": 1, "recvfrom_into": 2, "recvmsg": 2}
_FLAGS_AT |= {"send": 1, "sendall": 1, "sendto": 1}
_LEVELS = {
    socket.SOL_SOCKET: ("SOL_SOCKET", "SO_"),
    socket.IPPROTO_IP: ("IPPROTO_IP", "IP_"),
    socket.IPPROTO_TCP: ("IPPROTO_TCP", "TCP_"),
    socket.IPPROTO_UDP: ("IPPROTO_UDP", "UDP_"),
    socket.IPPROTO_IPV6: ("IPPROTO_IPV6", "IPV6_"),
}
# Constants that share numbers with better known ones.
_ALIASES = ("AF_ROUTE", "IP_DEFAULT_", "IP_MAX_", "IPPROTO_HOPOPTS", "SO_J1939_", "SO_VM_SOCKETS_")


def name_of(error: BaseException) -> str:
    """Return an error in a word: the name of its errno, "timed out", or the name of its class."""
    if isinstance(error, socket.gaierror):
        return _constant("EAI_", error.errno)
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, str(error.errno)).removeprefix("WSA")  # Windows
    return "timed out" if isinstance(error, TimeoutError) else type(error).__name__


def arguments_of(entry: Entry, roles: Roles) -> str:
    """Return the words between the parentheses."""
    given = entry.given if type(entry.given) is tuple else (entry.given,)
    in_constants = _IN_CONSTANTS.get(entry.name)
    if in_constants and all(isinstance(value, int) for value in given[:2]):
        with suppress(TypeError):  # a call with too few arguments, or too many
            return ", ".join(in_constants(*given))
    flags_at = _FLAGS_AT.get(entry.name)
    words = [
        _flags(value) if at == flags_at and isinstance(value, int) else _value(value, entry, roles)
        for at, value in enumerate(given)
    ]
    return ", ".join(words)


def result_of(entry: Entry, roles: Roles) -> str:
    """Return the result in words, "" for None."""
    result, name = entry.result, entry.name
    if isinstance(result, Remembered):
        return _accepted(result) if name == "accept" else result.role
    if name in ("getsockname", "getpeername"):
        return roles.of_endpoint(result, entry.known.kind)
    if isinstance(result, tuple) and not isinstance(result, Data):
        return _received_from(result, entry, roles)
    if name in _MOVERS and result is not None:
        return _bytes(result) + (", the end" if _is_end(entry) else "")
    if name == "connect_ex" or (name == "getsockopt" and _is_error_option(entry.given)):
        return errno.errorcode.get(result, str(result))
    return "" if result is None else _value(result, entry, roles)


def nbytes_of(entry: Entry) -> int | None:
    """Return how many bytes of data the call moved, None if it moves none."""
    result, name = entry.result, entry.name
    if name in _MOVERS and isinstance(result, int):
        return result
    if isinstance(result, tuple) and name.startswith("recv"):
        return int(result[0])
    if name == "sendall" and result is None:
        data = entry.given[0] if type(entry.given) is tuple else entry.given
        return len(data) if isinstance(data, bytes) else getattr(data, "length", None)
    return None


def _accepted(connection: Remembered) -> str:
    client = connection.other
    return f"{connection.role} from {client.address if client else 'an address'}"


def _received_from(result: tuple[int, object], entry: Entry, roles: Roles) -> str:
    nbytes, address = result
    if not address:
        return _bytes(nbytes)
    return f"{_bytes(nbytes)} from {roles.of_endpoint(address, entry.known.kind)}"


def _is_end(entry: Entry) -> bool:
    """Return True at the end of the stream: no bytes came, though some were asked for."""
    wanted = entry.given if type(entry.given) is tuple else (entry.given,)
    receives_stream = entry.known.kind == "stream" and entry.name.startswith("recv")
    return receives_stream and not entry.result and wanted[0] not in (0, Space(0))


def _is_error_option(given: tuple[Any, ...]) -> bool:
    return given[:2] == (socket.SOL_SOCKET, socket.SO_ERROR)


def _value(value: Any, entry: Entry, roles: Roles) -> str:
    match value:
        case bytes():
            return _data(summarize(value))
        case Data():
            return _data(value)
        case Space():
            return f"a buffer of {_bytes(value.length)}"
        case Target():
            return _target(value, entry, roles)
        case float():
            return repr(value) if round(value, 3) == value else "some seconds"
        case Enum():
            return value.name
        case None | int():
            return repr(value)
        case str():
            return repr(value if len(value) <= SHOWN else f"{value[:SHOWN]}...")
        case Other():
            kind = value.kind
        case _:
            kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _target(target: Target, entry: Entry, roles: Roles) -> str:
    known = target.known
    if known is None and entry.name.startswith("connect") and entry.known.peer:
        known = roles.at(entry.known.peer)  # a name such as "localhost" was given
    return known.address if known else roles.of_endpoint(target.address, entry.known.kind)


def _data(data: Data) -> str:
    if data.length <= SHOWN:
        return repr(data.head)
    return f"{data.head!r}... {_bytes(data.length)}"


def _bytes(number: int) -> str:
    return f"{number} byte{'' if number == 1 else 's'}"


def _family(family: int, kind: int, protocol: int = 0) -> tuple[str, ...]:
    flags = getattr(socket, "SOCK_NONBLOCK", 0) | getattr(socket, "SOCK_CLOEXEC", 0)
    words = _constant("AF_", family), _constant("SOCK_", kind & ~flags)
    return (*words, _constant("IPPROTO_", protocol)) if protocol else words


def _option(level: int, option: int, *value: Any) -> tuple[str, ...]:
    name, prefix = _LEVELS.get(level, (str(level), ""))
    words = (_data(each) if isinstance(each, Data) else repr(each) for each in value)
    return name, _constant(prefix, option) if prefix else str(option), *words


def _how(how: int) -> tuple[str]:
    return (_constant("SHUT_", how),)


def _flags(flags: int) -> str:
    names = [_constant("MSG_", 1 << bit) for bit in range(flags.bit_length()) if flags >> bit & 1]
    return " | ".join(names) or "0"


@cache
def _constant(prefix: str, value: int | None) -> str:
    """Return the name of a number in the `socket` module, or the number if it has none."""
    for name in sorted(vars(socket)):
        if name.startswith(prefix) and not name.startswith(_ALIASES):
            known = getattr(socket, name)
            if isinstance(known, int) and known == value:
                return name
    return str(value)


_IN_CONSTANTS: dict[str, Callable[..., tuple[str, ...]]] = {
    "getsockopt": _option,
    "setsockopt": _option,
    "shutdown": _how,
    "socket": _family,
    "socketpair": _family,
}
