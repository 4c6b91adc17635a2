"""Small functions; who is not done at the deadline is reset on purpose."""

import selectors
import socket
import struct
import time
from contextlib import ExitStack


def finish(connection, reply, deadline_s):
    until_s = time.monotonic() + deadline_s
    with ExitStack() as stack:
        stack.enter_context(connection)
        selector = stack.enter_context(selectors.DefaultSelector())
        selector.register(connection, selectors.EVENT_READ)
        try:
            send(connection, reply, deadline_s)
            heard = hears_the_end(connection, selector, until_s)
        except OSError:
            heard = False
        if not heard:
            on, seconds = 1, 0
            linger = struct.pack("ii", on, seconds)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def send(connection, reply, deadline_s):
    connection.settimeout(deadline_s)
    connection.sendall(reply)
    connection.shutdown(socket.SHUT_WR)


def hears_the_end(connection, selector, until_s):
    while (left_s := until_s - time.monotonic()) > 0:
        if selector.select(left_s) and connection.recv(65_536) == b"":
            return True
    return False
