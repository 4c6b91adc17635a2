"""Does not look at what send() says."""

CAUGHT_BY = "sends a large reply to its end"
HINT = "send() may take only a part"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            connection.send(received.upper())
            return received
