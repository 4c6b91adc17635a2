"""Closes the connection and thinks that this was all."""

CAUGHT_BY = (
    "frees its address at once",
    "closes both sockets when the client resets",
    "closes both sockets when the client leaves during the reply",
    "closes the listener when nobody comes",
)
HINT = "the listener is a socket of its own"


def serve_once(listener):
    connection, _ = listener.accept()
    with connection:
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
        connection.sendall(received.upper())
        return received
