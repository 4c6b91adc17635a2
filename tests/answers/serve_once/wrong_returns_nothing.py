"""Serves well, and forgets to give back what it read."""

CAUGHT_BY = ("gives back what it read", "bears a client that says nothing")
HINT = "return the bytes that were read"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            connection.sendall(received.upper())
