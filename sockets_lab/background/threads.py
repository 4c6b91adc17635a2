"""The threads of a run: the one that carries the function, and all that it starts in turn.

Python does not remember which thread started which. While a run is on, `Thread.start` is therefore
replaced by one that notes it; the last run puts it back. Each thread works under a guard, so that
an exception reaches the notebook's cell instead of the standard error stream.
"""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from ctypes import c_ulong, py_object, pythonapi
from functools import partial
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sockets_lab.background.unblocking import is_blocking, is_listening

__all__ = ["Member", "Threads", "frames_of"]

HERE = str(Path(__file__).parent)

# Python 3.11: while an exception waits for a thread that does not come back to Python code, every
# other thread that is traced or profiled, by a debugger for example, hangs at its next call.
TRACING_HANGS = sys.version_info < (3, 12)
FLAG_STAYS_UP = sys.version_info < (3, 13)

TEARDOWN_S = 1.0  # from the end of its work to the end of a thread; microseconds in truth


class _Flag(BaseException):
    """Raised in, and caught by, the very thread that takes something back."""


class Member(NamedTuple):
    """A thread, and the event that tells that its work is over."""

    thread: threading.Thread
    ended: threading.Event


class Threads:
    """The threads of one run."""

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        """`on_error` is called, in the thread, with what its work raised."""
        self._on_error = on_error
        self._members: list[Member] = []
        self._halted: set[Member] = set()
        self._lock = threading.Lock()

    def start(self, work: Callable[[], None], name: str) -> Member:
        """Begin to note who starts whom, and do `work` in a first thread."""
        _note_who_starts_whom(self, begin=True)
        thread = threading.Thread(target=work, name=name, daemon=True)
        first = self.adopt(thread)
        thread.start()
        return first

    def close(self) -> None:
        """Note no more who starts whom."""
        _note_who_starts_whom(self, begin=False)

    def adopt(self, thread: threading.Thread) -> Member:
        """Make `thread`, which is about to start, one of this run's."""
        member = Member(thread, threading.Event())
        self._members.append(member)
        _threads_of.setdefault(thread, self)
        vars(thread)["run"] = partial(self._guard, member, thread.run)
        return member

    def disown(self, member: Member) -> None:
        """Forget a thread that could not be started."""
        self._members.remove(member)
        vars(member.thread).pop("run", None)

    def running(self) -> list[Member]:
        """The threads whose work is not over, without the one that asks."""
        here = threading.current_thread()
        members = list(self._members)
        return [one for one in members if not one.ended.is_set() and one.thread is not here]

    def wait(self, timeout_s: float) -> bool:
        """Wait until the work of all threads is over; tell whether it is."""
        give_up_at = monotonic() + timeout_s
        for member in self.running():
            # Not thread.join(): interrupted on Python 3.11 it takes a running thread for an ended.
            if member.ended.wait(max(0.0, give_up_at - monotonic())):
                member.thread.join(TEARDOWN_S)
        return not self.running()

    def halt(self) -> None:
        """Raise SystemExit in every thread, as soon as it comes back to Python code."""
        if TRACING_HANGS and (sys.gettrace() or sys.getprofile()):
            return
        for member in self.running():
            with self._lock:
                if not member.ended.is_set() and not _may_get_a_descriptor(member.thread):
                    self._halted.add(member)
                    _raise_in(member.thread, SystemExit)

    def relent(self) -> None:
        """Take back the SystemExit of those who did not come back."""
        for member in self._halted.intersection(self.running()):
            _raise_in(member.thread, None)
            _lower_flag()

    def _guard(self, member: Member, work: Callable[[], None]) -> None:
        try:
            self._attempt(work)
        except SystemExit:
            pass  # it struck while an error was taken down
        finally:
            self._settle(member)

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._on_error(error)

    def _settle(self, member: Member) -> None:
        """Say that the work is over, and let no late SystemExit of `halt` strike afterwards."""
        while True:
            try:
                with self._lock:
                    member.ended.set()
                return _let_strike()
            except SystemExit:
                continue


_noting: "set[Threads]" = set()
_noting_lock = threading.Lock()
_threads_of: "WeakKeyDictionary[threading.Thread, Threads]" = WeakKeyDictionary()
_plain_start = threading.Thread.start


def frames_of(thread: threading.Thread) -> Iterator[FrameType]:
    """The frames of a running thread, innermost first, without this package's and threading's."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame:
        file = frame.f_code.co_filename
        if file != threading.__file__ and not file.startswith(HERE):
            yield frame
        frame = frame.f_back


def _note_who_starts_whom(threads: Threads, *, begin: bool) -> None:
    with _noting_lock:
        (_noting.add if begin else _noting.discard)(threads)
        start = _start_and_note if _noting else _plain_start
        threading.Thread.start = start  # type: ignore[assignment, method-assign]  # see file's head


def _start_and_note(thread: threading.Thread) -> None:
    threads = _threads_of.get(threading.current_thread())
    if threads is None or thread.ident is not None:
        return _plain_start(thread)
    member = threads.adopt(thread)
    try:
        _plain_start(thread)
    except BaseException:
        threads.disown(member)
        raise


def _may_get_a_descriptor(thread: threading.Thread) -> bool:
    # An exception that strikes between accept(2) and the making of its socket loses a descriptor.
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None or frame.f_code.co_name != "accept":
        return False
    listener = frame.f_locals.get("self")
    return isinstance(listener, socket.socket) and is_listening(listener) and is_blocking(listener)


def _raise_in(thread: threading.Thread, kind: type[BaseException] | None) -> None:
    what = py_object(kind) if kind else py_object()
    pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread.ident or 0), what)


def _let_strike() -> None:
    """Come by the place where Python raises what another thread asked for."""
    for _ in range(100):
        pass


def _lower_flag() -> None:
    # To take back leaves a flag up, which slows all threads down; only who is struck lowers it.
    if FLAG_STAYS_UP:
        with suppress(_Flag):
            _raise_in(threading.current_thread(), _Flag)
            _let_strike()
