"""A thread converses without any timeout; at the deadline it is freed by shutdown()."""

import contextlib
import socket
import threading


def finish(connection, reply, deadline_s):
    thread = threading.Thread(target=converse, args=(connection, reply))
    thread.start()
    thread.join(deadline_s)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    thread.join()
    connection.close()


def converse(connection, reply):
    with contextlib.suppress(OSError):
        connection.sendall(reply)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass
