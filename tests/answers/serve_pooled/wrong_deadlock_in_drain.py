"""Waits at the end for all places, and none of a failed call comes back."""

import threading

CAUGHT_BY = ("survives handlers that raise",)
ALSO = (
    "closes every connection",
    "leaves no thread running",
    "returns when `stop` is set",
    "refuses new clients while it drains",
    "loses no reply in progress",
    "stops although all workers are busy",
)
HINT = "in finally"


def serve_pooled(listener, handle, workers, stop):
    free = threading.Semaphore(workers)

    def work(connection):
        with connection:
            handle(connection)
        free.release()

    listener.settimeout(0.05)
    while not stop.is_set():
        if free.acquire(timeout=0.05):
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                free.release()
            else:
                threading.Thread(target=work, args=[connection]).start()
    listener.close()
    for _ in range(workers):
        while not free.acquire(timeout=0.05):
            pass
