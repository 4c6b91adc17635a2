"""Open a listening socket: options, bind, listen, in plain order.

Four decisions are made here, and each is a line of `open_listener`:

- **Address reuse.** After a server stops, its old connections may rest in TIME_WAIT for a minute,
  and POSIX systems refuse a new `bind()` to their port meanwhile. SO_REUSEADDR permits it (on Linux
  only if the first listener had set it too). On Windows the option of the same name means something
  else: it lets any program take over a port in use. There SO_EXCLUSIVEADDRUSE is set, which forbids
  exactly that, and TIME_WAIT is no obstacle anyway.
- **One family, said aloud.** Whether an IPv6 listener also takes IPv4 clients differs between
  systems (Linux yes, Windows no, OpenBSD never), so IPV6_V6ONLY is always set. It has to be set
  before `bind()`: afterwards Linux answers EINVAL (RFC 3493 section 5.3, ipv6(7)).
- **Backlog.** It bounds connections that are complete and not accepted yet. The kernel silently
  lowers it to its own limit (`somaxconn`) and Linux admits one more than it says. A full queue
  refuses nobody: further clients wait and try again (listen(2)).
- **Loopback only.** A lesson must not open a door to the network by accident.
"""

import socket

from sockets_lab.addresses import Resolved, is_loopback, resolve

__all__ = ["open_listener"]


def open_listener(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    backlog: int = 128,
    reuse_address: bool = True,
    dual_stack: bool = False,
    expose: bool = False,
) -> socket.socket:
    """A listening TCP socket on `host` and `port`, which the caller closes.

    `host` decides the family: "127.0.0.1", "::1", or a name, whose first address is taken. Port 0
    lets the kernel choose; `getsockname()` tells which. `backlog` is the number of connections that
    may wait to be accepted. `dual_stack=True` lets a listener on "::" take IPv4 clients too. An
    address that other machines may reach, "::" among them, needs `expose=True`.

    OSError comes from the kernel untouched: EADDRINUSE (another listener has the port), EACCES (a
    port below 1024 without the right to it), EADDRNOTAVAIL (not an address of this machine),
    EAFNOSUPPORT (no IPv6 here). `socket.gaierror` for an unknown name; TypeError and ValueError
    for arguments that cannot be. See socket(2), bind(2), listen(2).
    """
    _check_backlog(backlog)
    address = resolve(host, port, passive=True)[0]
    _check_reach(host, address, expose=expose)
    if dual_stack and address.sockaddr[0] != "::":
        raise ValueError(f"{host!r} is one address of one family: bind '::' to be dual-stack")
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
    # Only Windows has the second one, and only there the first one is dangerous.
    return getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)


def _check_backlog(backlog: int) -> None:
    if isinstance(backlog, bool) or not isinstance(backlog, int):
        raise TypeError(f"the backlog {backlog!r} is no whole number: write one like 128")
    if backlog < 0:
        raise ValueError(f"the backlog {backlog!r} is negative: write 0 or more")


def _check_reach(host: str, address: Resolved, *, expose: bool) -> None:
    if not expose and not is_loopback(address.sockaddr[0]):
        raise ValueError(
            f"{host!r} can be reached from other machines: bind '127.0.0.1' or '::1', or say "
            "expose=True if the network is meant to see this listener"
        )
