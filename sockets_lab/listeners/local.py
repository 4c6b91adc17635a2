"""A listener on a path: clients of this machine alone, kept apart by the rights of a file.

The file that bind() makes stays when its socket is closed, and then stands in the way of the next
bind(). It is taken away at the end here, and one that no server listens on any more is replaced.
"""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sockets_lab.listeners.opening import check_backlog

__all__ = ["local_listener"]

_LONGEST = 107  # bytes of a path in sockaddr_un, on Linux; 103 on macOS and the BSDs: unix(7)


@contextmanager
def local_listener(
    path: str | os.PathLike[str], *, backlog: int = 128, mode: int = 0o600
) -> Iterator[socket.socket]:
    """A listening AF_UNIX stream socket on `path`, closed and taken away at the end of `with`.

    mode: who may connect, as rights of the file: on Linux that takes the right to write to it. It
        is set between bind() and listen(), so that nobody gets in before.

    What stands at `path` is replaced if it is a socket that nobody listens on. OSError: EADDRINUSE
    if somebody does, or if something else stands there; ENOENT, EACCES, EROFS of the folder;
    EAFNOSUPPORT where Python knows no AF_UNIX (Windows). ValueError for a path that is too long.
    At the end the path is left alone if another server has bound it in the meantime. See unix(7).
    """
    check_backlog(backlog)
    place = Path(path)
    if not hasattr(socket, "AF_UNIX"):
        raise OSError(errno.EAFNOSUPPORT, "Python knows no AF_UNIX here")
    if len(os.fsencode(place)) > _LONGEST:
        raise ValueError(f"{place} is longer than {_LONGEST} bytes: choose a shorter path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        _take_away_if_dead(place)
        listener.bind(str(place))
        own = _identity(place)
        try:
            place.chmod(mode)
            listener.listen(backlog)
            yield listener
        finally:
            if _identity(place) == own:
                place.unlink()


def _take_away_if_dead(place: Path) -> None:
    """Unlink a socket that refuses a client: nobody listens on it."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(place.lstat().st_mode):
            return  # bind() says EADDRINUSE
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.setblocking(False)  # a server whose queue is full is alive
            if client.connect_ex(str(place)) == errno.ECONNREFUSED:
                place.unlink()


def _identity(place: Path) -> tuple[int, int] | None:
    try:
        found = place.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
