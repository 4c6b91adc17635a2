"""Closes everything on the last lines, which an error never reaches."""

CAUGHT_BY = (
    "closes both sockets when the client resets",
    "closes both sockets when the client resets during the reply",
    "closes the listener when no client comes",
)
HINT = "is not reached when recv() raises"


def serve_once(listener):
    connection, _ = listener.accept()
    received = b""
    while chunk := connection.recv(4096):
        received += chunk
    connection.sendall(received.upper())
    connection.close()
    listener.close()
    return received
