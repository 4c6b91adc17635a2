"""Replies to each piece immediately: with a client that only sends, both buffers fill up."""

CAUGHT_BY = "sends a large reply to its end"
ALSO = ("closes both sockets when the client resets during the reply",)
HINT = "a client may send everything before it reads anything"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
                connection.sendall(chunk.upper())
            return received
