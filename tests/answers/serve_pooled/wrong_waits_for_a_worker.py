"""Waits for a free worker without looking at `stop`."""

import threading
from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = "stops although all workers are busy"
HINT = "wait for a short time"


def serve_pooled(listener, handle, workers, stop):
    free = threading.Semaphore(workers)

    def work(connection):
        try:
            with connection:
                handle(connection)
        finally:
            free.release()

    with ThreadPoolExecutor(workers) as pool, listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            if free.acquire():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    free.release()
                else:
                    pool.submit(work, connection)
