"""Stops reading above the bound, and does not begin again."""

import selectors

CAUGHT_BY = "goes on when the client reads again"
ALSO = (
    "echoes more than the buffers hold",
    "sends the rest after the client has finished",
    "uses no CPU time while a client never reads",
    "does not mix the clients' bytes",
    "closes the connections of clients that have finished",
    "uses no CPU time while no client sends anything",
)
HINT = "read again when little of it is left"

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
MOST = 65_536


class Talk:
    def __init__(self):
        self.unsent, self.ended, self.full = bytearray(), False, False


def serve_echo(listener, stop):
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
    talk.full = talk.full or len(talk.unsent) >= MOST
    if not talk.ended and not talk.full:
        wanted |= READ
    if wanted or not talk.ended:
        wanted = wanted or WRITE
        selector.modify(connection, wanted, talk)
    else:
        selector.unregister(connection)
        connection.close()
