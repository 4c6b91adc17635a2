"""Non-blocking, with select; it reads while it sends."""

import select
import socket
import time


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    try:
        connection.setblocking(False)
        talk(connection, memoryview(reply), end_s)
    except OSError:
        return
    finally:
        connection.close()


def talk(connection, left, end_s):
    saying = True
    while True:
        if saying and not left:
            connection.shutdown(socket.SHUT_WR)
            saying = False
        left_s = max(0, end_s - time.monotonic())
        wanted = [connection] if saying else []
        readable, writable, _ = select.select([connection], wanted, [], left_s)
        if left_s == 0:
            return
        if writable:
            left = left[connection.send(left) :]
        if readable and not connection.recv(4096) and not saying:
            return
