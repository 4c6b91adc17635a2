"""Call a function of this room in a Python process of its own, and end it on every way out.

A load client in the notebook's own process would share its interpreter lock with everything else
there and measure that, too. So the client has a process of its own, and so may the server.

The order goes to the child's standard input, and that pipe stays open: it is the *lifeline*. When
it ends, because we closed it or because we died however suddenly, the child ends itself. This needs
nothing of the system but pipes. Orders and replies are pickled, each after its length; ours are
unpickled without suspicion, since our own code sent them.
"""

import os
import pickle
import selectors
import signal
import struct
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Thread
from time import monotonic
from typing import IO, Final, NamedTuple, TypeVar, cast

from sockets_lab.interrupts import hold_interrupts

__all__ = ["Apart", "Reply", "call_apart", "end_group", "lifeline", "live"]

T = TypeVar("T")

_LENGTH: Final = struct.Struct("=Q")
_MOST_PRINTED: Final = 1 << 16
"""Bytes of what a child has printed that are passed on, the last."""


class Reply(NamedTuple):
    """What the child sends back: a result, or an error and its traceback in words."""

    result: object = None
    error: BaseException | None = None
    where: str = ""

    def open(self) -> object:
        """The result; raises the error, with a note on where it came from."""
        if self.error is None:
            return self.result
        if self.where:
            self.error.add_note(f"in a process of its own:\n{self.where}")
        raise self.error


def call_apart(function: Callable[..., T], *args: object, deadline_s: float) -> T:
    """Call a function that can be imported in a process of its own; return what it returns.

    Before `args` the function is handed another, with which it can send a `Reply` on the way.

    Raises what the function raises, and TimeoutError when it has not returned by the deadline. An
    interrupt ends the process at once.
    """
    child: Apart | None = None
    try:
        with hold_interrupts():
            child = Apart()
        child.order(function, *args)
        reply = child.reply(deadline_s)
    finally:
        if child is not None:
            child.kill()
    return cast(T, reply.open())


class Apart:
    """A child process that waits for an order; see `live` for its side.

    inherits: descriptors that it shares with us (POSIX)
    """

    def __init__(self, inherits: Sequence[int] = ()) -> None:
        path, entry = f"sys.path[:] = {sys.path!r}", "from sockets_lab.load.child import live"
        self._unread = b""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # kill() closes it
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", f"import sys; {path}; {entry}; live()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                pass_fds=inherits,
                # A Ctrl-C in the terminal is for us: we end the child, and its children too.
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except BaseException:
            self._said.close()
            raise

    def order(self, function: Callable[..., object], *args: object) -> None:
        """Tell it to call a function that can be imported."""
        packed = pickle.dumps((function, args))
        with suppress(BrokenPipeError):  # it has ended already; its last reply will say why
            _pipe(self.process.stdin).write(_LENGTH.pack(len(packed)) + packed)
            _pipe(self.process.stdin).flush()

    def reply(self, deadline_s: float) -> Reply:
        """The next thing that the child sends, or in its place how it ended.

        TimeoutError when nothing has come by the deadline.
        """
        until = monotonic() + deadline_s
        try:
            (length,) = _LENGTH.unpack(self._read(_LENGTH.size, until))
            reply: Reply = pickle.loads(self._read(length, until))
        except EOFError:
            return self._how_it_ended()
        return reply

    def cut_lifeline(self) -> None:
        """Tell the child to end."""
        with suppress(BrokenPipeError):
            _pipe(self.process.stdin).close()

    def kill(self) -> str:
        """End the child and, where it has a process group, its children; return what it printed."""
        with hold_interrupts():
            self._signal()
            self.process.wait()
            self.cut_lifeline()
            _pipe(self.process.stdout).close()
            with self._said:
                return self._printed()

    def _read(self, nbytes: int, until: float) -> bytes:
        """So many bytes of what it sends; EOFError if it has ended, TimeoutError at `until`."""
        pipe = _pipe(self.process.stdout).fileno()
        while len(self._unread) < nbytes:
            if not _is_readable(pipe, until - monotonic()):
                raise TimeoutError("a process of its own has not answered in time, and was ended")
            data = os.read(pipe, 1 << 16)
            if not data:
                raise EOFError
            self._unread += data
        taken, self._unread = self._unread[:nbytes], self._unread[nbytes:]
        return taken

    def _how_it_ended(self) -> Reply:
        self._signal()  # before it is reaped, for what it may have started
        status = self.process.wait()
        end = f"killed by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        error = RuntimeError(f"the process ended before it was done ({end})")
        return Reply(error=error, where=self._printed().rstrip())

    def _signal(self) -> None:
        if self.process.returncode is not None:
            return
        if os.name == "posix":
            # Not reaped yet, so the number is its own. macOS forbids to signal what has ended, and
            # a Ctrl-C that strikes a child on its way into life leaves it without a group.
            with suppress(PermissionError, ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()

    def _printed(self) -> str:
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - _MOST_PRINTED))
        return self._said.read().decode("utf-8", "replace")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("this process has no such pipe")
    return pipe


def _is_readable(pipe: int, timeout_s: float) -> bool:
    """Wait until a pipe has something to read; tell whether it has."""
    if os.name != "posix":  # Windows waits for sockets alone; there the child's own deadline holds
        return True
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        return bool(waiting.select(max(0.0, timeout_s)))


# The child's side


def live() -> None:
    """The child's whole life: take the order, carry it out, answer."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints must not get between the answers
    try:
        (length,) = _LENGTH.unpack(sys.stdin.buffer.read(_LENGTH.size))
        function, args = pickle.loads(sys.stdin.buffer.read(length))
        reply = Reply(function(partial(_send, answers), *args))
    except BaseException as error:
        reply = Reply(None, error, "".join(traceback.format_tb(error.__traceback__)).rstrip())
    sys.stdout.flush()
    _send(answers, reply)
    end_group()


def end_group() -> None:
    """End this process, whatever its threads do, and the processes that it started."""
    if os.name == "posix" and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def lifeline(cut: Callable[[], object]) -> None:
    """Call `cut`, in a thread of its own, when the parent closes the lifeline or dies."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        cut()

    Thread(target=watch, name="lifeline", daemon=True).start()


def _send(answers: IO[bytes], reply: Reply) -> None:
    """Send an answer; an error that cannot travel is told in words."""
    try:
        packed = pickle.dumps(reply)
        pickle.loads(packed)  # some exceptions pack, and cannot be made again
    except Exception:
        told = RuntimeError(f"{type(reply.error).__name__}: {reply.error}")
        packed = pickle.dumps(Reply(None, told, reply.where))
    with suppress(BrokenPipeError):  # nobody is left to read it
        answers.write(_LENGTH.pack(len(packed)) + packed)
        answers.flush()
