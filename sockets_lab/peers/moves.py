"""Small operations on a plain socket, for clients whose server may be gone already."""

import errno
import socket
import struct
import sys

__all__ = ["finish", "reset", "send"]

# struct linger: on, for 0 s. Its two members are `int` on POSIX systems, `u_short` on Windows.
_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def send(sock: socket.socket, piece: bytes) -> None:
    """Send all of `piece`, even to a server that is gone: the missing reply will show that.

    ECONNRESET and EPIPE are ignored, any other OSError is raised. See send(2).
    """
    try:
        sock.sendall(piece)
    except ConnectionError:
        return


def finish(sock: socket.socket) -> None:
    """Send the end of the stream (FIN) and stay open for reading, even if the server is gone.

    ENOTCONN, which a reset leaves behind, and ECONNRESET are ignored, any other OSError is raised.
    See shutdown(2), RFC 9293, section 3.6.
    """
    try:
        sock.shutdown(socket.SHUT_WR)
    except ConnectionError:
        return
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise


def reset(sock: socket.socket) -> None:
    """Close `sock` so that the other end gets RST instead of FIN.

    What was not sent yet is discarded, and no TIME_WAIT remains. See SO_LINGER in socket(7).
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    finally:
        sock.close()
