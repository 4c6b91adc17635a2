"""Cleans up well, and hides that the client was lost."""

CAUGHT_BY = "lets the caller see the error"
HINT = "the caller must know that it failed"


def serve_once(listener):
    received = b""
    with listener:
        connection, _ = listener.accept()
        with connection:
            try:
                while chunk := connection.recv(4096):
                    received += chunk
                connection.sendall(received.upper())
            except OSError:
                pass
    return received
