"""A thread for each client, without a bound."""

import threading
from contextlib import suppress

CAUGHT_BY = (
    "serves no more clients concurrently than that",
    "accepts no client while all workers are busy",
)
HINT = "has no bound"


def serve_pooled(listener, handle, workers, stop):
    threads = []
    with listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=talk, args=[connection, handle]))
            threads[-1].start()
    for thread in threads:
        thread.join()


def talk(connection, handle):
    with connection, suppress(Exception):
        handle(connection)
