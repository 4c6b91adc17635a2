"""Takes a pause of the client as its end."""

CAUGHT_BY = "waits for a client that sends in pieces"
# On a busy machine even a fast client pauses.
ALSO = (
    "sends a large reply to its end",
    "closes both sockets when the client resets during the reply",
)
HINT = "not a short read, a line end or a pause"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(0.05)
            received = b""
            try:
                while chunk := connection.recv(4096):
                    received += chunk
            except TimeoutError:
                pass
            connection.settimeout(None)
            connection.sendall(received.upper())
            return received
