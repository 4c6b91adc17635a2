"""Returns immediately, while its daemon threads still run."""

import threading
from contextlib import suppress

CAUGHT_BY = "loses no reply in progress"
ALSO = ("leaves no thread running",)
HINT = "join the threads"


def serve_pooled(listener, handle, workers, stop):
    free = threading.Semaphore(workers)

    def work(connection):
        try:
            with connection, suppress(Exception):
                handle(connection)
        finally:
            free.release()

    with listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            if free.acquire(timeout=0.05):
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    free.release()
                else:
                    threading.Thread(target=work, args=[connection], daemon=True).start()
