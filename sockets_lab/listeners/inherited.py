"""Taking over listeners that a supervisor opened: systemd's LISTEN_FDS protocol.

The supervisor opens the sockets and starts the server with them. It can bind a port below 1024 for
a server that has no right to, start the server with its first client, and keep the queue of waiting
clients while the server is started anew: nobody is refused meanwhile. See sd_listen_fds(3).
"""

import os
import socket
from collections.abc import MutableMapping
from contextlib import ExitStack
from typing import NamedTuple

__all__ = ["Inherited", "inherited_listeners"]

_FIRST = 3  # SD_LISTEN_FDS_START: after standard input, output and error


class Inherited(NamedTuple):
    """A listener that was handed in, and the name that its supervisor gave it ("" for none)."""

    name: str
    listener: socket.socket


def inherited_listeners(environ: MutableMapping[str, str] | None = None) -> tuple[Inherited, ...]:
    """The listeners handed to this process, in their order; () if there are none.

    environ: where LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES are looked up and taken out, so that no
        program started from here takes them for its own; os.environ by default

    They are not inherited further. LISTEN_PID names the process they are meant for: with another
    number nothing is touched. ValueError for variables that cannot be, and for a descriptor that
    is no listening socket (what comes with it is closed); OSError (EBADF) for one that is not open.
    """
    variables = os.environ if environ is None else environ
    if variables.get("LISTEN_PID") != str(os.getpid()):
        return ()
    del variables["LISTEN_PID"]
    count = variables.pop("LISTEN_FDS", "")
    names = variables.pop("LISTEN_FDNAMES", "").split(":")
    if not count.isdecimal():
        raise ValueError(f"LISTEN_FDS={count!r} is no number of descriptors")
    with ExitStack() as closing:
        found = [
            closing.enter_context(socket.socket(fileno=descriptor))
            for descriptor in range(_FIRST, _FIRST + int(count))
        ]
        for sock in found:
            sock.set_inheritable(False)
            if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                raise ValueError(f"descriptor {sock.fileno()} is no listening socket")
        closing.pop_all()
    return tuple(map(Inherited, [*names, *[""] * len(found)], found))
