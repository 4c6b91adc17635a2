"""Guards the reading, and forgets that sending can fail as well."""

CAUGHT_BY = "closes both sockets when the client resets during the reply"
HINT = "sending can fail like reading"


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
    received = b""
    try:
        while chunk := connection.recv(4096):
            received += chunk
    except OSError:
        connection.close()
        raise
    connection.sendall(received.upper())
    connection.close()
    return received
