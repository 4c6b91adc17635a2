"""Yields the listeners, so that nothing is opened before somebody asks."""

import socket

CAUGHT_BY = (
    "is there for IPv4",
    "is there for both families",
    "gives them one number, which the kernel chose",
    "listens on the port that it is given",
    "opens every address of a name",
    "opens an address once, however it is written",
    "keeps IPv6 listeners to IPv6",
    "tries another number if the first is taken elsewhere",
    "leaves out a family that is missing",
    "raises if no address is left",
    "raises what bind() raises, and leaves nothing open",
    "can be started anew at once",
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
