"""Serves one client after the other."""

from contextlib import suppress

CAUGHT_BY = (
    "serves as many at once as there are workers",
    "accepts nobody for whom no thread is free",
    "stops although all workers are busy",
    "loses no reply under way",
)
ALSO = (
    "refuses new clients while it drains",
    "serves no more at once than that",
)
HINT = "go back to accept()"


def serve_pooled(listener, handle, workers, stop):
    with listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection, suppress(Exception):
                handle(connection)
