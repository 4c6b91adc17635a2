"""Takes a client that has finished for one that has gone, and keeps the reply."""

import socket
import time

CAUGHT_BY = "answers a client that has finished already"
ALSO = ("sends a large reply to its end",)
HINT = "not that it has left"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    with connection:
        try:
            if has_finished(connection):
                return
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                if not connection.recv(65_536):
                    break
        except OSError:
            pass


def has_finished(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
