"""Nested try and finally, pieces joined at the end, and a send loop."""


def serve_once(listener):
    try:
        connection, _client = listener.accept()
        try:
            received = read_all(connection)
            send_all(connection, received.upper())
        finally:
            connection.close()
    finally:
        listener.close()
    return received


def read_all(connection):
    pieces = []
    while True:
        piece = connection.recv(65_536)
        if piece == b"":
            return b"".join(pieces)
        pieces.append(piece)


def send_all(connection, reply):
    sent = 0
    while sent < len(reply):
        sent += connection.send(reply[sent:])
