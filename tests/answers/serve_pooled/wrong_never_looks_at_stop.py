"""Waits in accept() forever."""

import threading
from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = "returns when `stop` is set"
ALSO = (
    "stops although all workers are busy",
    "refuses new clients while it drains",
    "loses no reply in progress",
    "leaves no thread running",
)
HINT = "give the listener a timeout"


def serve_pooled(listener, handle, workers, stop):
    free = threading.Semaphore(workers)

    def work(connection):
        try:
            with connection:
                handle(connection)
        finally:
            free.release()

    with ThreadPoolExecutor(workers) as pool, listener:
        while not stop.is_set():
            free.acquire()
            connection, _ = listener.accept()
            pool.submit(work, connection)
