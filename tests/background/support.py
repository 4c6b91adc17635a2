"""Servers and clients for the tests of background."""

import gc
import socket
import threading
import time


def connect(listener):
    return socket.create_connection(listener.getsockname()[:2], timeout=10)


def echo(listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(100):
                connection.sendall(data)


def ask(listener, text=b"hello"):
    with connect(listener) as client:
        client.sendall(text)
        return client.recv(100)


class Server:
    def __init__(self, listener, waits):
        self.listener, self.waits, self.connections = listener, waits, {}

    def serve(self):
        while True:
            connection, peer = self.listener.accept()
            self.connections[peer] = {"socket": connection}
            self.waits.set()
            self.connections[peer]["socket"].recv(1)


def wait_for_lost_runs():
    """Wait for the rare run whose handle was lost: the interrupt came just before the block."""
    names = ("server", "end of a lost run")
    give_up_at = time.monotonic() + 60
    while lost := [thread for thread in threading.enumerate() if thread.name in names]:
        assert time.monotonic() < give_up_at, f"still running: {lost}"
        gc.collect()
        lost[0].join(5)
