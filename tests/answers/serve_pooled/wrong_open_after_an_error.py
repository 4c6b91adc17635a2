"""Closes a connection only when handle() has succeeded."""

import threading
from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = "survives handlers that raise"
ALSO = ("closes every connection",)
HINT = "release and close in finally"


def serve_pooled(listener, handle, workers, stop):
    free = threading.Semaphore(workers)

    def work(connection):
        try:
            handle(connection)
            connection.close()
        finally:
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
