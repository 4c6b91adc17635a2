"""The child's side: read one request, call its function, reply, end.

The request comes through standard input, and that pipe stays open: it is the *lifeline*. When it
ends, because the parent closed it or died however suddenly, the function is notified. A process
that the parent has forked holds a copy of the pipe, which would keep the lifeline open after the
parent's death; so on Linux the parent is watched through a pidfd as well (pidfd_open(2)).
"""

import ctypes
import os
import pickle
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import IO, Final

from sockets_lab.child.messages import Reply, frames_of, pack_reply, read, write

__all__ = ["Parent", "end_group", "main"]

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_OUR_FRAMES: Final = 2  # of a traceback: `_call`, and the function that was requested


class Parent:
    """The parent process, as a function in the child sees it.

    `descriptors` become readable when the parent has closed the lifeline or has died.
    """

    def __init__(self, pid: int, lifeline: int, replies: IO[bytes]) -> None:
        self.pid = pid
        self.descriptors = [lifeline]
        self._replies = replies
        if hasattr(os, "pidfd_open"):
            with suppress(OSError):  # a sandbox may forbid it; or the parent has died already
                self.descriptors.append(os.pidfd_open(pid))

    def send(self, reply: Reply) -> None:
        """Send a reply; drop it if the parent is gone."""
        packed = pack_reply(reply)
        with suppress(BrokenPipeError):
            write(self._replies, packed)

    def when_gone(self, callback: Callable[[], object]) -> None:
        """Call `callback`, in a separate thread, when the parent closes the lifeline or dies."""

        def watch() -> None:
            self._wait()
            callback()

        Thread(target=watch, name="lifeline", daemon=True).start()

    def die_with(self) -> None:
        """Have the kernel kill this process when its parent dies (Linux, prctl(2)).

        It takes no thread. Call it after a change of credentials, which cancels it. The kernel
        means by the parent the *thread* that started this process: it must wait for us.
        """
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != self.pid:  # it died before we asked
            os._exit(1)

    def _wait(self) -> None:
        if os.name == "posix":
            select.select(self.descriptors, [], [])
            return
        while os.read(self.descriptors[0], 1024):  # Windows selects sockets only
            pass


def main(parent_pid: int, printed: int) -> None:
    """Read the request from standard input, call it, send the reply, and end this process.

    printed: the descriptor for what the function prints; standard output carries the replies
    """
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(printed, 1)
    if printed > 2:
        os.close(printed)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream
    packed = read(sys.stdin.buffer.read)
    parent = Parent(parent_pid, _take_lifeline(), replies)
    reply = _call(parent, packed)
    sys.stdout.flush()
    sys.stderr.flush()
    parent.send(reply)
    end_group()  # threads that the function left running must not delay its result


def end_group() -> None:
    """End this process, whatever its threads do, and the processes that it started."""
    if os.name == "posix" and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _take_lifeline() -> int:
    """Move the lifeline away from standard input, where a function that reads finds the end."""
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return lifeline


def _call(parent: Parent, packed: bytes) -> Reply:
    try:
        function, args = pickle.loads(packed)
        return Reply(function(parent, *args))
    except BaseException as error:
        return Reply(error=error, frames=frames_of(error.__traceback__, _OUR_FRAMES))
