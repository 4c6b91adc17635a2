"""Reads one line instead of everything."""

CAUGHT_BY = "accepts bytes that are not text"
HINT = "do not decode, strip or split"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            received = lines.readline()
            connection.sendall(received.upper())
            return received
