"""Make room for many descriptors: every connection takes one at each of its ends.

Each process has a soft limit of descriptors, which it may raise itself up to the hard limit, which
only root may raise (getrlimit(2)). The soft limit is low by tradition (1,024 on most Linux systems,
256 on macOS), because `select()` cannot count further. A connection over loopback has both ends on
this machine, and if the server is a thread of the same process, both count against one limit.

Windows has no such limit.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sockets_lab.load.bounds import MOST_CONNECTIONS

__all__ = [
    "TooFewDescriptors",
    "connections_that_fit",
    "raise_soft_limit",
    "room_for",
    "set_soft_limit",
]

_SPARE: Final = 64
"""Descriptors for other files that the process opens meanwhile."""

_NO_LIMIT: Final = 1 << 30

_LISTINGS: Final = ("/proc/self/fd", "/dev/fd")


class TooFewDescriptors(ValueError):
    """More descriptors are needed than the hard limit allows; the message says how many fit."""


def connections_that_fit(ends_here: int, server_pid: int | None = None) -> int:
    """Return how many connections this process can have before it meets a limit of descriptors.

    ends_here: 2 if both ends of each connection are in this process, else 1
    server_pid: the process that has the other ends, whose soft limit counts too (known on Linux)
    """
    fit = [MOST_CONNECTIONS, _free(os.getpid(), _limits(os.getpid())[1]) // ends_here]
    if server_pid is not None:
        fit.append(_free(server_pid, _limits(server_pid)[0]))
    return max(0, min(fit))


@contextmanager
def room_for(connections: int, ends_here: int, server_pid: int | None = None) -> Iterator[None]:
    """Raise this process's soft limit to fit `connections`, and restore it at the end.

    Arguments as for `connections_that_fit`. Raises `TooFewDescriptors` if fewer fit.
    """
    fit = connections_that_fit(ends_here, server_pid)
    if connections > fit:
        raise TooFewDescriptors(_in_words(connections, ends_here, fit))
    before = raise_soft_limit(_open_in(os.getpid()) + ends_here * connections + _SPARE)
    try:
        yield
    finally:
        if before is not None:
            set_soft_limit(before)


def raise_soft_limit(wanted: int) -> int | None:
    """Raise the soft limit to `wanted`, or to the hard limit if that is lower; return the old one.

    None if it was high enough, or if the system has no such limit.
    """
    soft, hard = _limits(os.getpid())
    wanted = min(wanted, hard)
    if soft >= wanted:
        return None
    set_soft_limit(wanted)
    return soft


def _in_words(connections: int, ends_here: int, fit: int) -> str:
    if ends_here == 1:
        return (
            f"{connections} connections need as many descriptors in the client's process and in "
            f"the server's, whose limits leave room for {fit}: open at most {fit}, or raise the "
            "limits (`ulimit -n`) before Python starts"
        )
    return (
        f"{connections} connections have {ends_here * connections} ends, all in this process if "
        f"the server is a thread of it, and its hard limit of descriptors leaves room for {fit} "
        f"connections: open at most {fit}, or start the server with serving() and pass it as "
        "server="
    )


def _free(pid: int, limit: int) -> int:
    return limit - _open_in(pid) - _SPARE


def _open_in(pid: int) -> int:
    """Return how many descriptors a process holds; 0 where that is not known."""
    own = pid == os.getpid()
    for listing in _LISTINGS if own else (f"/proc/{pid}/fd",):
        with suppress(PermissionError):  # another user's process
            if Path(listing).is_dir():
                return len(os.listdir(listing))
    return 0


def _limits(pid: int) -> tuple[int, int]:
    """Return the soft and hard limit of a process; a huge number where there is none or unknown."""
    if sys.platform == "win32":  # has no such limit, and no module `resource`
        return _NO_LIMIT, _NO_LIMIT
    import resource

    if pid == os.getpid():
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    elif sys.platform == "linux":
        try:
            limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        except PermissionError:  # another user's process
            return _NO_LIMIT, _NO_LIMIT
    else:  # macOS shows the limits of no other process
        return _NO_LIMIT, _NO_LIMIT
    soft, hard = (_NO_LIMIT if each == resource.RLIM_INFINITY else each for each in limits)
    return soft, hard


def set_soft_limit(soft: int) -> None:
    """Set the soft limit of this process; do nothing on Windows."""
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
