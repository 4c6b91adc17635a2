"""Closes the listener when a client has gone."""

import selectors

CAUGHT_BY = "serves one client while another sends nothing"
ALSO = (
    "closes the connections of clients that have finished",
    "survives a client that resets",
    "echoes",
    "echoes more than the buffers hold",
    "serves others while one never reads",
    "sends the rest after the client has finished",
)
HINT = "ends the server"

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
MOST = 65_536


class Talk:
    def __init__(self, listener):
        self.listener = listener
        self.unsent, self.ended = bytearray(), False


def serve_echo(listener, stop):
    listener.setblocking(False)
    with selectors.DefaultSelector() as selector, listener:
        selector.register(listener, READ)
        while not stop.is_set():
            for key, events in selector.select(0.05):
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                    selector.register(connection, READ, Talk(listener))
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
        talk.listener.close()
