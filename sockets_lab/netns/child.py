"""A private network: a function runs in a child process that has a network of its own.

Experiments that change the kernel's network settings, or send packets made by hand, must not touch
the machine that the learner works on. Linux can give one process a network stack of its own
(network_namespaces(7)), and lets an ordinary user do so inside a user namespace, in which they are
root over that network and over nothing else (user_namespaces(7)). Making it takes a millisecond;
starting Python in it takes most of the time.

The child is a new interpreter, not a fork: a notebook's kernel has threads, and only a process of
one thread may enter a user namespace. cloudpickle ships the function, because a cell's functions
live in no file from which the child could import them. What comes back is unpickled without
suspicion: the child ran the learner's own code, which could do here whatever it does there.
"""

import codecs
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, TextIO, TypeVar

from sockets_lab.interrupts import hold_interrupts
from sockets_lab.netns.errors import ask_for
from sockets_lab.netns.pickling import name_of, opened, pack

__all__ = ["call_apart", "in_private_network"]

T = TypeVar("T")

READ_AT_ONCE = 65536


def in_private_network(function: Callable[..., T], /, *args: object, deadline_s: float = 10.0) -> T:
    """Run a function in a process whose network holds nothing but a loopback interface of its own.

    function, args: anything cloudpickle can ship, functions of a notebook's cells included; open
        sockets, files and locks cannot be shipped: open them inside.
    deadline_s: seconds, counted from the start of the process (about 0.15 s go by before the
        function begins).

    Inside, the function is root over its network: it may write /proc/sys/net and open raw sockets.
    What it prints appears here; what it changes in variables does not: return what you need.

    Returns what the function returns, and raises what it raises, with a note on where. Raises
    NoPrivateNetwork where the machine has no such thing, TimeoutError at the deadline, TypeError
    when something cannot be shipped. The process and all that it started in its process group are
    ended on every way out, the death of the caller included. See unshare(2), prctl(2).
    """
    ask_for("namespaces")
    return call_apart(function, args, deadline_s)


def call_apart(
    function: Callable[..., T],
    args: tuple[object, ...],
    deadline_s: float,
    doors: Sequence[int] = (),
) -> T:
    """Call a function in a process of its own, in a new network or in the one behind `doors`.

    doors: descriptors of namespaces, in the order in which to enter them (setns(2)); () for new
        ones. Returns and raises as `in_private_network` does.
    """
    with tempfile.TemporaryFile() as order, tempfile.TemporaryFile() as reply:
        order.write(pack((function, args), "cannot ship the function and its arguments"))
        order.seek(0)
        child: subprocess.Popen[bytes] | None = None
        try:
            with hold_interrupts():
                child = _start(order, reply, doors)
            ended = _attend(child, time.monotonic() + deadline_s)
        finally:
            if child is not None:
                _end(child)
        if not ended:
            raise TimeoutError(
                f"{name_of(function)} was still running in the private network after "
                f"{deadline_s:g} s and was ended: give what it waits for a timeout, "
                "or set a larger deadline_s"
            )
        reply.seek(0)
        return opened(reply.read(), function, child.returncode)


def _start(order: IO[bytes], reply: IO[bytes], doors: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start the child in a session of its own, so that its process group can be ended at once."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        "from sockets_lab.netns.child_main import live; "
        f"live({os.getpid()}, {reply.fileno()}, {list(doors)})"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=order,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pass_fds=[reply.fileno(), *doors],
        start_new_session=True,
    )


def _attend(child: subprocess.Popen[bytes], until: float) -> bool:
    """Pass on what the child prints until it ends; say whether it did before `until`."""
    ended = os.pidfd_open(child.pid)  # readable once the process has ended: no polling
    try:
        with selectors.DefaultSelector() as waiting:
            waiting.register(ended, selectors.EVENT_READ)
            for source, target in _streams(child):
                os.set_blocking(source.fileno(), False)
                pass_on = _Forward(source, target)
                waiting.register(source, selectors.EVENT_READ, pass_on)
            return _forward_until_ended(waiting, until)
    finally:
        os.close(ended)


def _streams(child: subprocess.Popen[bytes]) -> list[tuple[IO[bytes], TextIO]]:
    pairs = ((child.stdout, sys.stdout), (child.stderr, sys.stderr))
    return [(source, target) for source, target in pairs if source is not None]


class _Forward:
    """Hands on the text of one of the child's pipes, whole characters at a time."""

    def __init__(self, source: IO[bytes], target: TextIO) -> None:
        self.source, self.target = source, target
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def some(self) -> int | None:
        """Hand on what is there: bytes read, 0 at the end of the pipe, None if nothing is there."""
        chunk: bytes | None = self.source.read(READ_AT_ONCE)
        if chunk is None:
            return None
        self.target.write(self.decoder.decode(chunk, final=not chunk))
        return len(chunk)


def _forward_until_ended(waiting: selectors.BaseSelector, until: float) -> bool:
    pipes = [key.data for key in waiting.get_map().values() if key.data]
    while True:
        ready = waiting.select(max(0.0, until - time.monotonic()))
        for key, _ in ready:
            if key.data and key.data.some() == 0:
                waiting.unregister(key.fileobj)
        ended = any(key.data is None for key, _ in ready)
        if ended or time.monotonic() >= until:
            break
    for pipe in pipes:
        _forward_rest(pipe, until)
    return ended


def _forward_rest(pipe: _Forward, until: float) -> None:
    """Pass on what the pipe still holds; a process left behind may print on, but not for ever."""
    while pipe.some():
        if time.monotonic() >= until:
            return


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and its process group; it is not reaped yet, so the number is still its own."""
    if child.returncode is None:
        with suppress(ProcessLookupError):  # a Ctrl-C struck it before it had a group of its own
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for source, target in _streams(child):
        source.close()
        target.flush()
