"""Gives a place back only when handle() has succeeded."""

import threading
from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = "survives handlers that raise"
ALSO = ("closes every connection",)
HINT = "release"


def serve_pooled(listener, handle, workers, stop):
    free = threading.Semaphore(workers)

    def work(connection):
        with connection:
            handle(connection)
        free.release()

    with ThreadPoolExecutor(workers) as pool, listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            if free.acquire(timeout=0.05):
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    free.release()
                else:
                    pool.submit(work, connection)
