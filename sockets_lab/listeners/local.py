"""A listener on a path (AF_UNIX): clients of this machine only, limited by file permissions.

The file that bind() makes remains when its socket is closed, and the next bind() then fails with
EADDRINUSE. So it is removed at the end, and a file that no server listens on any more is replaced.
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
    """Yield a listening AF_UNIX stream socket on `path`; close it and remove the path afterwards.

    For a server in service behind a reverse proxy on the same machine.

    mode: the permissions of the file, which decide who may connect: on Linux connecting needs write
        permission. It is set between bind() and listen(), so no client gets in before.

    A socket at `path` that no server listens on is replaced. OSError: EADDRINUSE if a server
    listens on it, or if another kind of file is there; ENOENT, EACCES, EROFS of the folder;
    EAFNOSUPPORT where Python has no AF_UNIX (Windows). ValueError for a path that is too long. At
    the end the path is left alone if another server has bound it in the meantime. See unix(7).
    """
    check_backlog(backlog)
    file = Path(path)
    if not hasattr(socket, "AF_UNIX"):
        raise OSError(errno.EAFNOSUPPORT, "Python has no AF_UNIX on this system")
    if len(os.fsencode(file)) > _LONGEST:
        raise ValueError(f"{str(file)!r} is longer than {_LONGEST} bytes; choose a shorter path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        _remove_if_dead(file)
        listener.bind(str(file))
        bound = _identity(file)
        try:
            file.chmod(mode)
            listener.listen(backlog)
            yield listener
        finally:
            if _identity(file) == bound:
                file.unlink()


def _remove_if_dead(file: Path) -> None:
    """Unlink a socket that refuses a client: no server listens on it."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(file.lstat().st_mode):
            return  # bind() fails with EADDRINUSE
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.setblocking(False)  # a server whose queue is full is alive
            if client.connect_ex(str(file)) == errno.ECONNREFUSED:
                file.unlink()


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
