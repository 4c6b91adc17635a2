"""Takes everybody in, and lets them wait in the executor's queue."""

from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = "accepts no client while all workers are busy"
HINT = "not before"


def serve_pooled(listener, handle, workers, stop):
    def work(connection):
        with connection:
            handle(connection)

    with ThreadPoolExecutor(workers) as pool, listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            pool.submit(work, connection)
        listener.close()
