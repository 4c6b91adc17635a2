"""Believes that one recv() gives one message."""

CAUGHT_BY = ("waits for a client that sends in pieces", "sends a large reply to its end")
ALSO = ("closes both sockets when the client resets during the reply",)
HINT = "recv() returns what has arrived so far"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = connection.recv(65_536)
            connection.sendall(received.upper())
            return received
