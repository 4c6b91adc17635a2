"""Closes the connections when `stop` is set."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = "loses no reply in progress"
HINT = "do not close"


def serve_pooled(listener, handle, workers, stop):
    free = threading.Semaphore(workers)
    opened = set()

    def work(connection):
        try:
            with connection:
                handle(connection)
        finally:
            opened.discard(connection)
            free.release()

    with ThreadPoolExecutor(workers) as pool:
        with listener:
            listener.settimeout(0.05)
            while not stop.is_set():
                if free.acquire(timeout=0.05):
                    try:
                        connection, _ = listener.accept()
                    except TimeoutError:
                        free.release()
                    else:
                        opened.add(connection)
                        pool.submit(work, connection)
        for connection in list(opened):
            connection.shutdown(socket.SHUT_RDWR)
