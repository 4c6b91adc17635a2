"""Keeps what is unsent in one buffer for all clients."""

import selectors

CAUGHT_BY = "does not mix the clients' bytes"
ALSO = (
    "serves others while one never reads",
    "sends the rest after the client has finished",
    "goes on when the client reads again",
    "survives a client that resets",
    "uses no CPU time while a client never reads",
    "closes the connections of clients that have finished",
    "holds off a client that never reads",
)
HINT = "belongs to one connection"

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
MOST = 65_536


SHARED = bytearray()


class Talk:
    def __init__(self):
        self.unsent, self.ended = SHARED, False


def serve_echo(listener, stop):
    SHARED.clear()
    listener.setblocking(False)
    with selectors.DefaultSelector() as selector, listener:
        selector.register(listener, READ)
        while not stop.is_set():
            for key, events in selector.select(0.05):
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                    selector.register(connection, READ, Talk())
                else:
                    attend(selector, key.fileobj, key.data, events)
        for key in list(selector.get_map().values()):
            key.fileobj.close()


def attend(selector, connection, talk, events):
    try:
        if events & READ:
            piece = connection.recv(MOST)
            talk.unsent += piece
            talk.ended = not piece
        if talk.unsent:
            del talk.unsent[: connection.send(talk.unsent)]
    except BlockingIOError:
        pass
    except OSError:
        talk.unsent.clear()
        talk.ended = True
    wanted = WRITE if talk.unsent else 0
    if not talk.ended and len(talk.unsent) < MOST:
        wanted |= READ
    if wanted:
        selector.modify(connection, wanted, talk)
    else:
        selector.unregister(connection)
        connection.close()
