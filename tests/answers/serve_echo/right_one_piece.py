"""Reads a piece, and reads no more until it is sent: no buffer but that piece."""

import selectors


def serve_echo(listener, stop):
    listener.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, b"")
    try:
        while not stop.is_set():
            for key, _ in selector.select(timeout=0.02):
                if key.fileobj is listener:
                    welcome(selector, listener)
                else:
                    turn(selector, key.fileobj, key.data)
    finally:
        for key in list(selector.get_map().values()):
            key.fileobj.close()
        selector.close()


def welcome(selector, listener):
    try:
        connection, _ = listener.accept()
    except OSError:
        return
    connection.setblocking(False)
    selector.register(connection, selectors.EVENT_READ, b"")


def turn(selector, connection, unsent):
    try:
        unsent = unsent or connection.recv(32_768)
        if not unsent:
            raise EOFError
        unsent = unsent[connection.send(unsent) :]
    except BlockingIOError:
        pass
    except (OSError, EOFError):
        selector.unregister(connection)
        connection.close()
        return
    events = selectors.EVENT_WRITE if unsent else selectors.EVENT_READ
    selector.modify(connection, events, unsent)
