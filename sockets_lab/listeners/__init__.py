"""Listening sockets: one, several on one port number, one handed in, one on a path.

- `opening`: options, bind, listen, in that order
- `together`: a listener for each address, all on one port number
- `inherited`: socket activation, taking over what a supervisor opened (systemd's LISTEN_FDS)
- `local`: a listener on a path, for clients of this machine only (AF_UNIX)

Five decisions:

- **Address reuse.** After a server stops, its old connections may stay in TIME_WAIT for a minute,
  and POSIX systems refuse a new `bind()` to their port meanwhile. SO_REUSEADDR permits it (on Linux
  only if the first listener had set it too). On Windows the option of the same name means something
  else: it lets any program take over a port in use. There SO_EXCLUSIVEADDRUSE is set, which forbids
  exactly that, and TIME_WAIT is no obstacle anyway.
- **An explicit family.** By default an IPv6 listener also takes IPv4 clients on some systems (Linux
  yes, Windows no, OpenBSD never), so IPV6_V6ONLY is always set. It has to be set before `bind()`:
  afterwards Linux fails with EINVAL (RFC 3493 section 5.3, ipv6(7)).
- **No sharing of a port.** SO_REUSEPORT lets several sockets of one user listen on the same
  address. Linux distributes connections among them by a hash of both endpoints, FreeBSD does so
  with SO_REUSEPORT_LB only, Windows has neither. Of the servers, only `preforked` sets it, since it
  needs it: a second server that is started by mistake must fail (socket(7)).
- **Backlog.** It bounds connections that are complete and not accepted yet. The kernel silently
  lowers it to its own limit (`somaxconn`) and Linux admits one more than it says. On Linux a full
  queue refuses no client: the SYN is dropped, and the client tries again (listen(2)).
- **Loopback only.** A lesson must not accept clients from the network by accident.
"""

from sockets_lab.listeners.inherited import inherited_listeners
from sockets_lab.listeners.local import local_listener
from sockets_lab.listeners.opening import open_listener
from sockets_lab.listeners.together import open_listeners

__all__ = [
    "inherited_listeners",
    "local_listener",
    "open_listener",
    "open_listeners",
]
