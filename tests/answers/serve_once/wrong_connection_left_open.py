"""Leaves the connection to the garbage collector."""

CAUGHT_BY = (
    "closes the connection itself",
    "closes both sockets when the client resets",
    "closes both sockets when the client resets during the reply",
)
HINT = "do not leave it to the garbage collector"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
        connection.sendall(received.upper())
        return received
