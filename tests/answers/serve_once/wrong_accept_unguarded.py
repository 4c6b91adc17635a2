"""Guards the listener only after a client has come."""

CAUGHT_BY = "closes the listener when no client comes"
HINT = "before accept()"


def serve_once(listener):
    connection, _ = listener.accept()
    with listener, connection:
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
        connection.sendall(received.upper())
        return received
