"""Unpacks the client's address as if every address had two parts."""

CAUGHT_BY = "does the same over IPv6"
HINT = "an IPv6 address has four parts"


def serve_once(listener):
    with listener:
        connection, (_host, _port) = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            connection.sendall(received.upper())
            return received
