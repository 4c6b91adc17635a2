"""Waits for the threads first, and closes the listener then."""

import threading
from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = (
    "refuses new clients while it drains",
    "stops although all workers are busy",
)
HINT = "close the listener first"


def serve_pooled(listener, handle, workers, stop):
    free = threading.Semaphore(workers)

    def work(connection):
        try:
            with connection:
                handle(connection)
        finally:
            free.release()

    with listener, ThreadPoolExecutor(workers) as pool:
        listener.settimeout(0.05)
        while not stop.is_set():
            if free.acquire(timeout=0.05):
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    free.release()
                else:
                    pool.submit(work, connection)
