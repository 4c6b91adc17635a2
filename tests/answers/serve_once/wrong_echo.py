"""Sends the text back as it came."""

CAUGHT_BY = (
    "answers a well-behaved client",
    "waits for a client that sends in pieces",
    "accepts bytes that are not text",
    "sends a large reply to its end",
    "serves one client only",
)
HINT = "through .upper()"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            connection.sendall(received)
            return received
