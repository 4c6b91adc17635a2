"""Lets connections block, and waits in sendall()."""

import selectors

CAUGHT_BY = "serves others while one never reads"
ALSO = (
    "does not mix the clients' bytes",
    "goes on when the client reads again",
    "sends the rest after the client has finished",
    "survives a client that resets",
    "uses no CPU time while a client never reads",
)
HINT = "holds up all"


def serve_echo(listener, stop):
    with selectors.DefaultSelector() as selector, listener:
        selector.register(listener, selectors.EVENT_READ)
        while not stop.is_set():
            for key, _ in selector.select(0.05):
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    selector.register(connection, selectors.EVENT_READ)
                    continue
                try:
                    piece = key.fileobj.recv(65_536)
                    key.fileobj.sendall(piece)
                except OSError:
                    piece = b""
                if not piece:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
        for key in list(selector.get_map().values()):
            key.fileobj.close()
