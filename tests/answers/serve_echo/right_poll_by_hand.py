"""select.poll, or select where there is none, and dictionaries by connection."""

import select


def serve_echo(listener, stop):
    unsent, ended = {}, set()
    listener.setblocking(False)

    def drop(connection):
        unsent.pop(connection)
        ended.discard(connection)
        connection.close()

    def serve(connection, readable):
        if readable:
            piece = connection.recv(8192)
            unsent[connection] += piece
            if not piece:
                ended.add(connection)
        if unsent[connection]:
            try:
                count = connection.send(unsent[connection])
            except BlockingIOError:
                count = 0
            unsent[connection] = unsent[connection][count:]
        if connection in ended and not unsent[connection]:
            drop(connection)

    try:
        while not stop.is_set():
            reads = [one for one in unsent if one not in ended and len(unsent[one]) < 50_000]
            writes = [one for one in unsent if unsent[one]]
            readable, writable, _ = select.select([listener, *reads], writes, [], 0.05)
            if listener in readable:
                connection, _ = listener.accept()
                connection.setblocking(False)
                unsent[connection] = b""
                readable.remove(listener)
            for connection in {*readable, *writable}:
                try:
                    serve(connection, connection in readable)
                except BlockingIOError:
                    continue
                except OSError:
                    drop(connection)
    finally:
        listener.close()
        for connection in unsent:
            connection.close()
