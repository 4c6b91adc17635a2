"""The life of a process apart: enter a network, call one function, answer, end."""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

from sockets_lab.capabilities.namespaces import enter, join
from sockets_lab.netns.errors import refusal
from sockets_lab.netns.pickling import Reply, called, pack_reply

__all__ = ["die_with", "live"]

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def live(parent: int, reply: int, doors: Sequence[int]) -> None:
    """Enter a new network, or the one behind `doors`; call what standard input holds; answer."""
    os.set_inheritable(reply, False)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream: ours
    try:
        join(doors) if doors else enter()
    except OSError as error:
        answer = Reply(error=refusal(error))
    else:
        die_with(parent)
        answer = _call()
    with open(reply, "wb") as file:
        file.write(pack_reply(answer))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads the function left running must not hold up what it returned


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, so that nothing outlives it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def _call() -> Reply:
    import pickle

    try:
        function, args = pickle.load(sys.stdin.buffer)
    except Exception as error:  # pickle lets through whatever making an object anew raises
        return Reply(error=error)
    return called(function, args)
