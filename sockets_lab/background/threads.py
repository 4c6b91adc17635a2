"""Threads of a run: the one that calls the function, and all threads that this one starts.

Python does not remember which thread started which. While a run lasts, `Thread.start` is therefore
replaced by a function that keeps track of it; the last run restores it. Without it a server with a
thread for each client (chapter 7) could not be stopped: its threads would stay behind, each with an
open connection (`test_threads_that_it_started_are_stopped`). Each thread works under a guard, so
that an exception reaches the notebook's cell instead of the standard error stream.
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

# Python 3.11: while an exception is pending for a thread that does not return to Python code, every
# other thread that is traced or profiled, by a debugger for example, hangs at its next call.
TRACING_HANGS = sys.version_info < (3, 12)

TEARDOWN_S = 1.0  # from the end of its work to the end of a thread; usually microseconds


class _Flag(BaseException):
    """Raised by a thread in itself, and caught there."""


class Member(NamedTuple):
    """A thread, and the events that are set when its work begins, and when it is over."""

    thread: threading.Thread
    began: threading.Event
    ended: threading.Event


class Threads:
    """Threads of one run."""

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        """Create it; `on_error` is called in the failing thread, with what its work raised."""
        self._on_error = on_error
        self._members: list[Member] = []
        self._exiting: set[Member] = set()
        self.lock = threading.Lock()

    def start(self, work: Callable[[], None], name: str) -> Member:
        """Begin to track new threads, and call `work` in a first one."""
        _track_starts(self, begin=True)
        thread = threading.Thread(target=work, name=name, daemon=True)
        first = self.adopt(thread)
        thread.start()
        return first

    def close(self) -> None:
        """Stop tracking new threads."""
        _track_starts(self, begin=False)

    def adopt(self, thread: threading.Thread) -> Member:
        """Add `thread`, which is about to start, to this run."""
        member = Member(thread, threading.Event(), threading.Event())
        self._members.append(member)
        _threads_of.setdefault(thread, self)
        vars(thread)["run"] = partial(self._guard, member, thread.run)
        return member

    def forget(self, thread: threading.Thread) -> None:
        """Forget a thread, unless its work has begun: it could not be started."""
        unbegun = [one for one in self._members if one.thread is thread and not one.began.is_set()]
        for member in unbegun:
            self._members.remove(member)
            vars(thread).pop("run", None)

    def running(self) -> list[Member]:
        """Return the threads whose work is not over, without the calling one."""
        here = threading.current_thread()
        members = list(self._members)
        return [one for one in members if not one.ended.is_set() and one.thread is not here]

    def wait(self, timeout_s: float) -> bool:
        """Wait until the work of all threads is over; return True if it is."""
        give_up_at = monotonic() + timeout_s
        for member in self.running():
            # Not thread.join(): once interrupted, Python 3.11 takes a running thread for ended.
            if member.ended.wait(max(0.0, give_up_at - monotonic())):
                member.thread.join(TEARDOWN_S)
        return not self.running()

    def raise_exit(self) -> None:
        """Raise SystemExit in every thread, as soon as it returns to Python code.

        Nothing else ends a loop that never looks at `stop`, or that swallows the errors of its
        sockets (`test_a_loop_that_computes_is_ended`, `test_a_loop_that_swallows_errors_is_ended`).
        """
        if TRACING_HANGS and (sys.gettrace() or sys.getprofile()):
            return
        for member in self.running():
            with self.lock:
                if _can_exit(member):
                    self._exiting.add(member)
                    _raise_in(member.thread, SystemExit)

    def cancel_exit(self) -> None:
        """Cancel the SystemExit of threads that did not return to Python code."""
        for member in self._exiting.intersection(self.running()):
            _raise_in(member.thread, None)
            _clear_async_exc_flag()

    def _guard(self, member: Member, work: Callable[[], None]) -> None:
        try:
            member.began.set()
            self._attempt(work)
        except SystemExit:
            pass  # it arrived while an error was being recorded
        finally:
            while True:
                try:
                    self._finish(member)
                    break
                except SystemExit:  # a late one of `raise_exit`, also before the first line
                    continue

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._on_error(error)

    def _finish(self, member: Member) -> None:
        """Mark the work as over, and raise a late SystemExit of `raise_exit`, if any, here."""
        with self.lock:
            member.ended.set()
        _process_pending_exceptions()


_tracking: "set[Threads]" = set()
_tracking_lock = threading.Lock()
_threads_of: "WeakKeyDictionary[threading.Thread, Threads]" = WeakKeyDictionary()
_plain_start = threading.Thread.start


def frames_of(thread: threading.Thread) -> Iterator[FrameType]:
    """Yield a thread's frames, innermost first, without those of this room and of threading."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame:
        file = frame.f_code.co_filename
        if file != threading.__file__ and not file.startswith(HERE):
            yield frame
        frame = frame.f_back


def _track_starts(threads: Threads, *, begin: bool) -> None:
    with _tracking_lock:
        (_tracking.add if begin else _tracking.discard)(threads)
        start = _start_tracked if _tracking else _plain_start
        threading.Thread.start = start  # type: ignore[assignment, method-assign]  # see the top of this file


def _start_tracked(thread: threading.Thread) -> None:
    threads = _threads_of.get(threading.current_thread())
    if threads is None or thread.ident is not None:
        return _plain_start(thread)
    try:
        # `raise_exit` waits meanwhile. Until the new thread runs, CPython may take it for this one:
        # the SystemExit would end it unseen, and Thread.start would wait for it for ever.
        with threads.lock:
            threads.adopt(thread)
            _plain_start(thread)
    except BaseException:
        threads.forget(thread)
        raise


def _can_exit(member: Member) -> bool:
    if not member.began.is_set() or member.ended.is_set():
        return False
    return not _may_get_a_descriptor(member.thread)


def _may_get_a_descriptor(thread: threading.Thread) -> bool:
    # An exception between accept(2) and the creation of its socket object loses a descriptor.
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None or frame.f_code.co_name != "accept":
        return False
    listener = frame.f_locals.get("self")
    return isinstance(listener, socket.socket) and is_listening(listener) and is_blocking(listener)


def _raise_in(thread: threading.Thread, kind: type[BaseException] | None) -> None:
    exception = py_object(kind) if kind else py_object()  # NULL cancels
    if thread.ident is not None:  # 0 would name threads that are starting
        pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread.ident), exception)


def _process_pending_exceptions() -> None:
    """Do nothing: Python raises the exceptions that other threads asked for as this is called."""


def _clear_async_exc_flag() -> None:
    # Cancelling leaves CPython's flag for pending exceptions set, and a traced thread of Python
    # 3.11 hangs even so (test_a_hanging_server_does_not_hang_traced_code). Only a thread that
    # raises such an exception clears it.
    if TRACING_HANGS:
        with suppress(_Flag):
            _raise_in(threading.current_thread(), _Flag)
            _process_pending_exceptions()
