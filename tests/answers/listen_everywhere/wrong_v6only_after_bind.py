"""Sets IPV6_V6ONLY when the address is bound."""

import errno
import socket
from contextlib import ExitStack

CAUGHT_BY = (
    "makes IPv6 listeners accept IPv6 only",
    "listens on addresses of both families",
)
HINT = "before bind()"
ALSO = (
    "uses one port for all, chosen by the kernel",
    "opens every address of a name",
    "opens an address once, however it is written",
    "tries another port if the first is taken on another address",
    "raises what bind() raises, and leaves nothing open",
    "can be restarted immediately",
)

MISSING = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


def listen_everywhere(hosts, port=0):
    addresses = addresses_of(hosts, port)
    for _ in range(20):
        try:
            return open_all(addresses)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no number is free on all addresses")


def addresses_of(hosts, port):
    found = {}
    for host in hosts:
        for family, _, _, _, name in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            found[name] = family
    return found


def open_all(addresses):
    listeners, missing = [], None
    with ExitStack() as closing:
        for name, family in addresses.items():
            port = listeners[0].getsockname()[1] if listeners else name[1]
            try:
                listener = open_one(family, (name[0], port, *name[2:]))
            except OSError as error:
                if error.errno not in MISSING:
                    raise
                missing = error
            else:
                listeners.append(closing.enter_context(listener))
        if missing and not listeners:
            raise missing
        closing.pop_all()
    return listeners


def open_one(family, name):
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.bind(name)
        set_options(listener)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def set_options(listener):
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
