"""Lets the error of accept() end the server."""

import threading
import time
from contextlib import suppress
from pathlib import Path

CAUGHT_BY = "survives EMFILE"
HINT = "no descriptor is free"


class Seats:
    def __init__(self, each):
        self.each, self.taken, self.lock = each, [], threading.Lock()

    def take(self, host):
        with self.lock:
            free = self.taken.count(host) < self.each
            if free:
                self.taken.append(host)
            return free

    def leave(self, host):
        with self.lock:
            self.taken.remove(host)


def serve_files(listener, folder, deadline_s, each, stop):
    seats, threads = Seats(each), []
    with listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            try:
                connection, peer = listener.accept()
            except TimeoutError:
                continue
            if not seats.take(peer[0]):
                connection.close()
                continue
            args = [connection, peer[0], seats, folder, deadline_s]
            threads.append(threading.Thread(target=attend, args=args))
            threads[-1].start()
    for thread in threads:
        thread.join()


def attend(connection, host, seats, folder, deadline_s):
    try:
        with connection, suppress(OSError, EOFError, ValueError):
            answer(connection, folder, deadline_s)
    finally:
        seats.leave(host)


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
