"""Draw the README's picture: one echo, with the kernel's states beside the calls."""

import socket
from pathlib import Path

from sockets_lab import record
from sockets_lab.figures import call_sequence

with record(states=True) as recording, socket.socket() as listener, socket.socket() as client:
    listener.bind(("127.0.0.1", 0))
    listener.listen(2)
    client.connect(listener.getsockname())
    connection, _ = listener.accept()
    with connection:
        client.sendall(b"hello")
        connection.sendall(connection.recv(5))
        client.recv(5)

picture = call_sequence(recording)
picture.save(Path(__file__).parent / "overview.png", dpi=160)
print(picture.words)
