"""Ends the stream and keeps the socket, where the garbage collector cannot find it."""

CAUGHT_BY = (
    "closes the connection itself",
    "closes both sockets when the client resets",
    "closes both sockets when the client resets during the reply",
)
HINT = "use `with connection:`, or close() in finally"

served = []


def serve_once(listener):
    with listener:
        connection, client = listener.accept()
        served.append((client, connection))
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
        connection.sendall(received.upper())
        connection.shutdown(2)
        return received
