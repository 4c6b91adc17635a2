"""One listening socket: options, bind, listen, in that order."""

import socket

from sockets_lab.addresses import Resolved, is_loopback, resolve

__all__ = ["check_backlog", "check_reach", "listen_on", "open_listener"]


def open_listener(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    backlog: int = 128,
    reuse_address: bool = True,
    dual_stack: bool = False,
    expose: bool = False,
) -> socket.socket:
    """Open a listening TCP socket on `host` and `port`, which the caller closes.

    `host` decides the family: "127.0.0.1", "::1", or a name, whose first address is taken. Port 0
    lets the kernel choose; `getsockname()` returns which. `backlog` is the number of connections
    that may wait to be accepted. `dual_stack=True` lets a listener on "::" take IPv4 clients too.
    An address that other machines may reach, such as "::", needs `expose=True`.

    OSError comes from the kernel unchanged: EADDRINUSE (another listener has the port), EACCES (a
    port below 1024 without the privilege), EADDRNOTAVAIL (not an address of this machine),
    EAFNOSUPPORT (no IPv6 on this machine). `socket.gaierror` for an unknown name; TypeError and
    ValueError for invalid arguments. See socket(2), bind(2), listen(2).
    """
    check_backlog(backlog)
    address = resolve(host, port, passive=True)[0]
    check_reach(host, address, expose=expose)
    if dual_stack and address.sockaddr[0] != "::":
        raise ValueError(f"{host!r} is an address of one family; bind '::' to be dual-stack")
    return listen_on(address, backlog, reuse_address=reuse_address, dual_stack=dual_stack)


def listen_on(
    address: Resolved, backlog: int, *, reuse_address: bool = True, dual_stack: bool = False
) -> socket.socket:
    """Open a listener on an address from `resolve`; on any error, close it and raise."""
    listener = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        if reuse_address:
            listener.setsockopt(socket.SOL_SOCKET, _reuse_option(), 1)
        if address.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not dual_stack))
        listener.bind(address.sockaddr)
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def _reuse_option() -> int:
    # Only Windows has SO_EXCLUSIVEADDRUSE, and only there SO_REUSEADDR is dangerous.
    return getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)


def check_backlog(backlog: int) -> None:
    """Raise TypeError or ValueError unless `backlog` is an integer, 0 or more."""
    if isinstance(backlog, bool) or not isinstance(backlog, int):
        raise TypeError(f"the backlog must be an integer, not {backlog!r}; for example 128")
    if backlog < 0:
        raise ValueError(f"the backlog must be 0 or more, not {backlog!r}")


def check_reach(host: str, address: Resolved, *, expose: bool) -> None:
    """Raise ValueError for an address that other machines can reach, unless `expose` is True."""
    if not expose and not is_loopback(address.sockaddr[0]):
        raise ValueError(
            f"{host!r} can be reached from other machines; bind '127.0.0.1' or '::1', or pass "
            "expose=True if they should reach this listener"
        )
