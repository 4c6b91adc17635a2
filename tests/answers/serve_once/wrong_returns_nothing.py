"""Serves well, and forgets to give back what it read."""

CAUGHT_BY = ("returns what it read", "serves a client that sends nothing")
HINT = "return the bytes that were read"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            connection.sendall(received.upper())
