"""Serves one client after the other."""

from contextlib import suppress

CAUGHT_BY = (
    "serves as many clients concurrently as there are workers",
    "accepts no client while all workers are busy",
    "stops although all workers are busy",
    "loses no reply in progress",
)
ALSO = (
    "refuses new clients while it drains",
    "serves no more clients concurrently than that",
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
