"""Serves one client, and then the next."""

import time
from contextlib import suppress
from pathlib import Path

CAUGHT_BY = (
    "serves others while one is silent",
    "limits the connections of each address",
)
HINT = "a thread for each connection"


def serve_files(listener, folder, deadline_s, each, stop):
    with listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            with suppress(OSError, EOFError, ValueError):
                connection, _ = listener.accept()
                with connection:
                    answer(connection, folder, deadline_s)


def answer(connection, folder, deadline_s):
    until_s = time.monotonic() + deadline_s
    length = int.from_bytes(receive(connection, 4, until_s))
    if length > 255:
        return
    name = receive(connection, length, until_s).decode()
    place = Path(folder, name).resolve()
    if not place.is_relative_to(Path(folder).resolve()):
        return
    text = place.read_bytes()
    connection.settimeout(deadline_s)
    connection.sendall(len(text).to_bytes(4) + text)


def receive(connection, nbytes, until_s):
    received = bytearray()
    while len(received) < nbytes:
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("too late")
        connection.settimeout(left_s)
        piece = connection.recv(nbytes - len(received))
        if not piece:
            raise EOFError("too short")
        received += piece
    return bytes(received)
