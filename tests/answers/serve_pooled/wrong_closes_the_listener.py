"""Closes the listener where it should close the connection."""

import threading
from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = "serves a client"
ALSO = (
    "serves as many clients concurrently as there are workers",
    "serves no more clients concurrently than that",
    "accepts no client while all workers are busy",
    "closes every connection",
    "survives handlers that raise",
    "returns when `stop` is set",
    "stops although all workers are busy",
    "refuses new clients while it drains",
    "loses no reply in progress",
    "leaves no thread running",
)
HINT = "not the listener"


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
