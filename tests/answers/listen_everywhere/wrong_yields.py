"""Yields the listeners, so that nothing is opened before the caller asks."""

import socket

CAUGHT_BY = (
    "listens on an IPv4 address",
    "listens on addresses of both families",
    "uses one port for all, chosen by the kernel",
    "listens on the port that it is given",
    "opens every address of a name",
    "opens an address once, however it is written",
    "makes IPv6 listeners accept IPv6 only",
    "tries another port if the first is taken on another address",
    "skips a family that the machine lacks",
    "raises if no address is left",
    "raises what bind() raises, and leaves nothing open",
    "can be restarted immediately",
)
HINT = "in a list"


def listen_everywhere(hosts, port=0):
    opened = set()
    for host in hosts:
        for family, _, _, _, name in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            if name not in opened:
                opened.add(name)
                listener = socket.create_server(name[:2], family=family)
                port = listener.getsockname()[1]
                yield listener
