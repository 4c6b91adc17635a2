"""Comes to no end: it waits for the next client."""

CAUGHT_BY = ("answers a well-behaved client", "returns what it read")
HINT = "then close"


def serve_once(listener):
    with listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                received = b""
                while chunk := connection.recv(4096):
                    received += chunk
                connection.sendall(received.upper())
