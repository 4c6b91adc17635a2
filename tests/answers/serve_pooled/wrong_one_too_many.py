"""Accepts first, and waits for a free thread then."""

import threading
from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = "accepts no client while all workers are busy"
HINT = "not before"


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
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            while not free.acquire(timeout=0.05):
                if stop.is_set():
                    connection.close()
                    return
            pool.submit(work, connection)
