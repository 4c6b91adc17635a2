"""Serves every waiting client, not one."""

CAUGHT_BY = "serves one client only"
HINT = "call accept() once"


def serve_once(listener):
    with listener:
        received = serve(listener.accept()[0])
        listener.setblocking(False)
        while True:
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                return received
            connection.setblocking(True)
            serve(connection)


def serve(connection):
    with connection:
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
        connection.sendall(received.upper())
        return received
