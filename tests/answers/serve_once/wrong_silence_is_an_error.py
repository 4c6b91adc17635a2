"""Takes a client without a word for a mistake."""

CAUGHT_BY = "serves a client that sends nothing"
ALSO = ("frees its address immediately", "closes the connection itself")
HINT = "an end of stream like any other"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = connection.recv(4096)
            if not received:
                raise ConnectionError("the client did not say anything")
            while chunk := connection.recv(4096):
                received += chunk
            connection.sendall(received.upper())
            return received
