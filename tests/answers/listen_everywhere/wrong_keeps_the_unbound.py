"""Goes on where an address cannot be bound, and leaves its socket open."""

import errno
import socket
from contextlib import ExitStack

CAUGHT_BY = "skips a family that the machine lacks"
HINT = "close that socket"

MISSING = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


def listen_everywhere(hosts, port=0):
    addresses = {}
    for host in hosts:
        for family, _, _, _, name in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            addresses[name] = family
    for _ in range(20):
        try:
            return open_all(addresses)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no number is free on all addresses")


def open_all(addresses):
    listeners, missing = [], None
    with ExitStack() as closing:
        for name, family in addresses.items():
            port = listeners[0].getsockname()[1] if listeners else name[1]
            listener = closing.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                listener.bind((name[0], port, *name[2:]))
            except OSError as error:
                if error.errno not in MISSING:
                    raise
                missing = error
            else:
                listener.listen()
                listeners.append(listener)
        if missing and not listeners:
            raise missing
        closing.pop_all()
    return listeners
