"""Asks the kernel: connects until one is not answered."""

import contextlib
import socket


def completed(backlog):
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=backlog))
        for number in range(backlog + 5):
            client = stack.enter_context(socket.socket())
            client.settimeout(0.2)
            try:
                client.connect(listener.getsockname())
            except OSError:
                return number
    return number
