"""Ways to the kernel's table, and sockets for the tests of `kernel`."""

import socket
import sys

import pytest

__all__ = ["WAYS", "accept", "connect", "listening", "on_linux"]

# The ways to the kernel's table, each forced by switching the better ones off.
WAYS = {
    "sock_diag": "",
    "sock_diag without TCP_INFO": "tcp-info",
    "/proc": "sock-diag",
    "/proc without TCP_INFO": "sock-diag,tcp-info",
    "psutil": "linux",
}


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def listening(family, host=None, backlog=2, **options):
    return socket.create_server(
        (host or family.host, 0), family=family.family, backlog=backlog, **options
    )


def connect(kept, listener):
    family = listener.family
    client = kept.enter_context(socket.socket(family, socket.SOCK_STREAM))
    client.settimeout(5)
    client.connect(listener.getsockname())
    return client


def accept(kept, listener):
    listener.settimeout(5)
    connection, _ = listener.accept()
    return kept.enter_context(connection)
