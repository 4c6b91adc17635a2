"""Makes text of the bytes, and bytes of the text."""

CAUGHT_BY = "accepts bytes that are not text"
HINT = "a stream carries bytes"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            connection.sendall(received.decode().upper().encode())
            return received
