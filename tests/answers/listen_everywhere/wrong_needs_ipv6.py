"""Fails on a machine that has no IPv6."""

import errno
import socket
from contextlib import ExitStack

CAUGHT_BY = "skips a family that the machine lacks"
HINT = "go on"


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
    listeners = []
    with ExitStack() as closing:
        for name, family in addresses.items():
            port = listeners[0].getsockname()[1] if listeners else name[1]
            listeners.append(closing.enter_context(socket.socket(family, socket.SOCK_STREAM)))
            set_options(listeners[-1])
            listeners[-1].bind((name[0], port, *name[2:]))
            listeners[-1].listen()
        closing.pop_all()
    return listeners


def set_options(listener):
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
