"""Closes the connection and thinks that this was all."""

CAUGHT_BY = (
    "frees its address immediately",
    "closes both sockets when the client resets",
    "closes both sockets when the client resets during the reply",
    "closes the listener when no client comes",
)
HINT = "the listener is a separate socket"


def serve_once(listener):
    connection, _ = listener.accept()
    with connection:
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
        connection.sendall(received.upper())
        return received
