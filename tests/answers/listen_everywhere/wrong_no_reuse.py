"""Forgets SO_REUSEADDR."""

import errno
import socket
from contextlib import ExitStack

CAUGHT_BY = "can be restarted immediately"
HINT = "SO_REUSEADDR"

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
        set_options(listener)
        listener.bind(name)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def set_options(listener):
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
