"""Socket activation: take over listeners that a supervisor opened (systemd's LISTEN_FDS protocol).

The supervisor opens the sockets and starts the server with them. It can bind a port below 1024 for
a server that lacks the privilege, start the server when its first client comes, and keep the queue
of waiting clients during a restart: no client is refused meanwhile. See sd_listen_fds(3).
"""

import os
import socket
from collections.abc import MutableMapping
from contextlib import ExitStack
from typing import NamedTuple

__all__ = ["Inherited", "inherited_listeners"]

_FIRST = 3  # SD_LISTEN_FDS_START: after standard input, output and error


class Inherited(NamedTuple):
    """An inherited listener, and the name that its supervisor gave it ("" for none)."""

    name: str
    listener: socket.socket


def inherited_listeners(environ: MutableMapping[str, str] | None = None) -> tuple[Inherited, ...]:
    """Return the listeners passed to this process, in their order; () if there are none.

    For a server in service that is started, or restarted without refusing a client, by a
    supervisor.

    environ: where LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES are looked up and removed, so that no
        child process takes them for its own; os.environ by default

    Child processes do not inherit the listeners. LISTEN_PID is the process they are meant for: with
    another number nothing is changed. ValueError for invalid variables, and for a descriptor that
    is not a listening socket (the others are closed too); OSError (EBADF) for one that is not open.
    """
    variables = os.environ if environ is None else environ
    if variables.get("LISTEN_PID") != str(os.getpid()):
        return ()
    del variables["LISTEN_PID"]
    count = variables.pop("LISTEN_FDS", "")
    names = variables.pop("LISTEN_FDNAMES", "").split(":")
    if not count.isdecimal():
        raise ValueError(f"LISTEN_FDS must be a number of descriptors, not {count!r}")
    with ExitStack() as closing:
        found = [
            closing.enter_context(socket.socket(fileno=descriptor))
            for descriptor in range(_FIRST, _FIRST + int(count))
        ]
        for sock in found:
            sock.set_inheritable(False)
            if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                raise ValueError(f"descriptor {sock.fileno()} is not a listening socket")
        closing.pop_all()
    return tuple(map(Inherited, [*names, *[""] * len(found)], found))
