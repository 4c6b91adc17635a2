"""A listener for each address, all on one port number.

Two sockets side by side, one for each family, serve every client on every system, whatever the
system does by default with IPv4 clients of an IPv6 socket, and even where that cannot be changed
(OpenBSD has no socket that takes both).
"""

import errno
import socket
from collections.abc import Iterable
from contextlib import ExitStack

from sockets_lab.addresses import Resolved, resolve
from sockets_lab.listeners.opening import check_backlog, check_reach, listen_on

__all__ = ["open_listeners"]

_TRIES = 50  # to find a port that is free on every address, where the kernel may choose
_NOT_OF_THIS_MACHINE = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


def open_listeners(
    hosts: Iterable[str] = ("127.0.0.1", "::1"),
    port: int = 0,
    *,
    backlog: int = 128,
    expose: bool = False,
) -> tuple[socket.socket, ...]:
    """Open a listening TCP socket on every address of `hosts`, all on one port.

    The caller closes them.

    hosts: names and numeric addresses; a name means all its addresses, and an address that comes
        twice, however it is written, is opened once
    port: 0 for one that the kernel chooses and that is free on all of them
    expose: as in `open_listener`, needed for an address that other machines may reach

    An address whose family this machine does not have is skipped, as long as another is left. If
    one cannot be opened, none is: those opened before are closed again. OSError comes from the
    kernel unchanged (EADDRINUSE, EACCES; EADDRNOTAVAIL or EAFNOSUPPORT if no address is left);
    ValueError for no hosts. See bind(2), ipv6(7).
    """
    check_backlog(backlog)
    addresses = {each.sockaddr: each for host in hosts for each in _resolve(host, port, expose)}
    if not addresses:
        raise ValueError("hosts is empty; give at least one, for example '127.0.0.1'")
    for _ in range(1 if port else _TRIES):
        try:
            return _open(list(addresses.values()), backlog)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            taken = error
    raise taken


def _resolve(host: str, port: int, expose: bool) -> tuple[Resolved, ...]:
    answers = resolve(host, port, passive=True)
    for answer in answers:
        check_reach(host, answer, expose=expose)
    return answers


def _open(addresses: list[Resolved], backlog: int) -> tuple[socket.socket, ...]:
    """Open all of them, on the port of the first; close again what was opened if one fails."""
    opened: list[socket.socket] = []
    missing: OSError | None = None
    with ExitStack() as closing:
        for address in addresses:
            port = opened[0].getsockname()[1] if opened else address.sockaddr[1]
            try:
                opened.append(closing.enter_context(listen_on(_at(address, port), backlog)))
            except OSError as error:
                if error.errno not in _NOT_OF_THIS_MACHINE:
                    raise
                missing = error
        if missing and not opened:
            raise missing
        closing.pop_all()
    return tuple(opened)


def _at(address: Resolved, port: int) -> Resolved:
    host, _, *rest = address.sockaddr
    return address._replace(sockaddr=(host, port, *rest))  # type: ignore[arg-type]  # 2 or 4 long
