"""Closes the listener where it should close the connection."""

import threading
from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = "serves a client"
ALSO = (
    "serves as many at once as there are workers",
    "serves no more at once than that",
    "accepts nobody for whom no thread is free",
    "closes every connection",
    "survives handlers that raise",
    "returns when it is told to stop",
    "stops although all workers are busy",
    "refuses new clients while it drains",
    "loses no reply under way",
    "leaves no thread behind",
)
HINT = "and not the listener"


def serve_pooled(listener, handle, workers, stop):
    free = threading.Semaphore(workers)

    def work(connection):
        try:
            handle(connection)
            listener.close()
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
