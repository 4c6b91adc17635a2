"""Takes a read that is shorter than asked for as the end."""

CAUGHT_BY = "waits for a client that sends in pieces"
ALSO = (
    "sends a large reply to its end",
    "closes both sockets when the client resets during the reply",
)
HINT = "not a short read, a line end or a pause"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while True:
                chunk = connection.recv(4096)
                received += chunk
                if len(chunk) < 4096:
                    break
            connection.sendall(received.upper())
            return received
