"""Each worker accepts for itself; a lock lets one of them wait at the door."""

import threading
from contextlib import suppress


def serve_pooled(listener, handle, workers, stop):
    door = threading.Lock()
    listener.settimeout(0.02)

    def next_client():
        with door:
            if not stop.is_set():
                with suppress(TimeoutError):
                    return listener.accept()[0]
        return None

    def work():
        while not stop.is_set():
            connection = next_client()
            if connection:
                with connection, suppress(Exception):
                    handle(connection)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    stop.wait()
    with door:
        listener.close()
    for thread in threads:
        thread.join()
