"""Listening sockets: one, several on one port number, one handed in, one on a path.

- `opening`: options, bind, listen, in plain order
- `together`: a listener for each address, all on one port number
- `inherited`: taking over what a supervisor opened (systemd's LISTEN_FDS)
- `local`: a listener on a path, for clients of this machine alone (AF_UNIX)

Five decisions are made here:

- **Address reuse.** After a server stops, its old connections may rest in TIME_WAIT for a minute,
  and POSIX systems refuse a new `bind()` to their port meanwhile. SO_REUSEADDR permits it (on Linux
  only if the first listener had set it too). On Windows the option of the same name means something
  else: it lets any program take over a port in use. There SO_EXCLUSIVEADDRUSE is set, which forbids
  exactly that, and TIME_WAIT is no obstacle anyway.
- **One family, said aloud.** Whether an IPv6 listener also takes IPv4 clients differs between
  systems (Linux yes, Windows no, OpenBSD never), so IPV6_V6ONLY is always set. It has to be set
  before `bind()`: afterwards Linux answers EINVAL (RFC 3493 section 5.3, ipv6(7)).
- **No sharing of a port.** SO_REUSEPORT lets several sockets of one user listen on the same
  address. Linux deals connections out among them by a hash of both endpoints, FreeBSD does so with
  SO_REUSEPORT_LB only, Windows has neither. It is left to `servers.preforked`, which needs it: a
  second server that is started by mistake must fail (socket(7)).
- **Backlog.** It bounds connections that are complete and not accepted yet. The kernel silently
  lowers it to its own limit (`somaxconn`) and Linux admits one more than it says. A full queue
  refuses nobody: further clients wait and try again (listen(2)).
- **Loopback only.** A lesson must not open a door to the network by accident.
"""

from sockets_lab.listeners.inherited import Inherited, inherited_listeners
from sockets_lab.listeners.local import local_listener
from sockets_lab.listeners.opening import open_listener
from sockets_lab.listeners.together import open_listeners

__all__ = [
    "Inherited",
    "inherited_listeners",
    "local_listener",
    "open_listener",
    "open_listeners",
]
