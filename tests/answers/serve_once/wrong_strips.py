"""Tidies the text up before replying."""

CAUGHT_BY = "accepts bytes that are not text"
HINT = "do not decode, strip or split"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            received = received.strip()
            connection.sendall(received.upper())
            return received
