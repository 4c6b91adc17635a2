"""Tries one number, and no other."""

import errno
import socket
from contextlib import ExitStack

CAUGHT_BY = "tries another port if the first is taken on another address"
HINT = "begin again"

MISSING = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


def listen_everywhere(hosts, port=0):
    return open_all(addresses_of(hosts, port))


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
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
