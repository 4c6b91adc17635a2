"""Gives back what it sent."""

CAUGHT_BY = "returns what it read"
HINT = "before they were put in capitals"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            reply = received.upper()
            connection.sendall(reply)
            return reply
