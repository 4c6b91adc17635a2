"""Two `with` blocks, and a loop up to the end of the stream."""


def serve_once(listener):
    with listener:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            connection.sendall(received.upper())
            return received
