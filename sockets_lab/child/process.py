"""The parent's side of a child process: start it, send it a request, receive replies, end it.

The child is a new interpreter, not a fork: a notebook's kernel has threads, and a fork would copy
their locks. It runs in a separate session and process group. A Ctrl-C in the terminal reaches only
us, and we end the child together with every process that it started.
"""

import os
import pickle
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import IO, Final, TypeVar, cast

from sockets_lab.child.messages import Reply, read, write
from sockets_lab.child.output import ForwardedStream
from sockets_lab.interrupts import hold_interrupts

__all__ = ["ChildProcess", "call_in_child", "name_of"]

T = TypeVar("T")

_READ_SIZE: Final = 1 << 16
_MOST_KEPT: Final = 1 << 16
"""Bytes of the kept text that are returned, the last."""


def call_in_child(
    function: Callable[..., T],
    *args: object,
    deadline_s: float,
    name: str = "",
    place: str = "in a child process",
    pass_fds: Sequence[int] = (),
    forward: bool = False,
) -> T:
    """Call `function(parent, *args)` in a child process, and return what it returns.

    function: one that can be imported; its first argument is a `Parent`
    deadline_s: seconds, counted from the start of the process
    name, place: for error messages, of what was called and of where
    pass_fds: descriptors that the child inherits (POSIX)
    forward: print here what the function prints (POSIX); else it is kept in a file, because a pipe
        that is not read would fill and block the child

    Raises what the function raises, with a note on where; TimeoutError at the deadline. The child
    and its process group are ended on every way out.
    """
    name = name or name_of(function)
    child: ChildProcess | None = None
    try:
        with hold_interrupts():
            child = ChildProcess(name, place=place, pass_fds=pass_fds, forward=forward)
        child.send(function, *args)
        reply = child.receive(deadline_s)
    except TimeoutError:
        raise TimeoutError(
            f"{name} was still running {place} after {deadline_s:g} s and was ended: "
            "give what it waits for a timeout, or set a larger deadline_s"
        ) from None
    finally:
        if child is not None:
            child.end()
    return cast(T, reply.open())


class ChildProcess:
    """A child process that waits for a request; call `end` on every way out.

    Start it under `hold_interrupts`. name, place, pass_fds, forward: as for `call_in_child`
    """

    def __init__(
        self,
        name: str,
        *,
        place: str = "in a child process",
        pass_fds: Sequence[int] = (),
        forward: bool = False,
    ) -> None:
        self._name, self._place = name, place
        self._unread = bytearray()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # end() closes it
        targets = (sys.stdout, sys.stderr) if forward else ()
        self._streams = [ForwardedStream(target) for target in targets]
        try:
            self.process = self._start(pass_fds)
        except BaseException:
            self._close_output()
            raise
        finally:
            for stream in self._streams:
                stream.close_writer()

    def send(self, function: Callable[..., object], *args: object) -> None:
        """Request that the child call `function(parent, *args)`, a function it can import."""
        with suppress(BrokenPipeError):  # the child has ended already; `receive` reports how
            write(_pipe(self.process.stdin), pickle.dumps((function, args)))

    def receive(self, deadline_s: float) -> Reply:
        """Return the next reply; if the child has ended without one, a RuntimeError as reply.

        TimeoutError if none has come within `deadline_s` seconds.
        """
        until = monotonic() + deadline_s
        try:
            reply: Reply = pickle.loads(read(lambda nbytes: self._take(nbytes, until)))
        except EOFError:
            reply = self._how_it_ended()
        self._forward_rest(until)
        reply.note_frames(self._place)
        return reply

    def cut_lifeline(self) -> None:
        """Close the lifeline, so that the child's function is notified."""
        with suppress(BrokenPipeError):
            _pipe(self.process.stdin).close()

    def end(self) -> str:
        """Kill the child and, on POSIX, its process group; return the text that was kept."""
        with hold_interrupts():
            self._kill()
            self.process.wait()
            self.cut_lifeline()
            _pipe(self.process.stdout).close()
            text = self._kept_text()
            self._close_output()
        return text

    def _start(self, pass_fds: Sequence[int]) -> "subprocess.Popen[bytes]":
        stdout, stderr = [stream.writer for stream in self._streams] or [2, self._file.fileno()]
        call = f"main({os.getpid()}, {stdout})"
        path, entry = f"sys.path[:] = {sys.path!r}", "from sockets_lab.child.child_main import main"
        return subprocess.Popen(
            [sys.executable, "-c", f"import sys; {path}; {entry}; {call}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            pass_fds=(*pass_fds, stdout) if self._streams else pass_fds,
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def _take(self, nbytes: int, until: float) -> bytes:
        """Return `nbytes` bytes that the child sends; EOFError if it has ended before."""
        while len(self._unread) < nbytes:
            if not (data := self._read(until)):
                raise EOFError
            self._unread += data
        taken = bytes(self._unread[:nbytes])
        del self._unread[:nbytes]
        return taken

    def _read(self, until: float) -> bytes:
        """Return the next bytes that the child sends; b"" if it has ended."""
        pipe = _pipe(self.process.stdout).fileno()
        if os.name == "posix":  # Windows waits for sockets only; there a deadline does not hold
            os.set_blocking(pipe, False)
            self._wait_for(pipe, until)
        try:
            return os.read(pipe, _READ_SIZE)
        except BlockingIOError:  # it has ended, and a process that it started holds the pipe open
            return b""

    def _wait_for(self, pipe: int, until: float) -> None:
        """Forward text until the child has sent something or has ended."""
        ended = self._pidfd()
        try:
            with selectors.DefaultSelector() as selector:
                for descriptor in (pipe, *ended):
                    selector.register(descriptor, selectors.EVENT_READ)
                for stream in self._streams:
                    if not stream.ended:
                        selector.register(stream.source, selectors.EVENT_READ, stream)
                self._forward(selector, until)
        finally:
            for descriptor in ended:
                os.close(descriptor)

    def _forward(self, selector: selectors.BaseSelector, until: float) -> None:
        while True:
            ready = [key for key, _ in selector.select(max(0.0, until - monotonic()))]
            for key in ready:
                if key.data and not key.data.forward() and key.data.ended:
                    selector.unregister(key.fileobj)
            if not all(key.data for key in ready):
                return
            if monotonic() >= until:
                self._forward_rest(until)
                raise TimeoutError(f"{self._name} has not replied in time")

    def _forward_rest(self, until: float) -> None:
        for stream in self._streams:
            stream.forward_rest(until)

    def _pidfd(self) -> list[int]:
        """Open a descriptor that is readable once the child has ended (Linux, pidfd_open(2))."""
        if self.process.returncode is None and hasattr(os, "pidfd_open"):
            with suppress(OSError):  # a sandbox may forbid it; then the end of the pipe must do
                return [os.pidfd_open(self.process.pid)]
        return []

    def _how_it_ended(self) -> Reply:
        self._kill()  # before it is reaped: it may have started other processes
        status = self.process.wait()
        how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        error = RuntimeError(
            f"the process ended before {self._name} returned ({how}): there is no result"
        )
        if text := self._kept_text().rstrip():
            error.add_note(f"{self._place} was printed:\n{text}")
        return Reply(error=error)

    def _kept_text(self) -> str:
        self._file.seek(max(0, self._file.seek(0, os.SEEK_END) - _MOST_KEPT))
        return self._file.read().decode("utf-8", "replace")

    def _close_output(self) -> None:
        self._file.close()
        for stream in self._streams:
            stream.close()

    def _kill(self) -> None:
        if self.process.returncode is not None:
            return
        if os.name == "posix":
            # Not reaped yet, so its number is not reused. macOS forbids signalling a process that
            # has ended. A Ctrl-C can strike the child before it has a process group.
            with suppress(PermissionError, ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()


def name_of(function: Callable[..., object]) -> str:
    """Return a function's name as text has it: "serve()"."""
    return f"{getattr(function, '__name__', repr(function))}()"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("this process has no such pipe")
    return pipe
