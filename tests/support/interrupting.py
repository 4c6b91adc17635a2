"""Press Ctrl-C at an exact moment, or at a random one."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

__all__ = [
    "interrupted_after",
    "interrupted_at_instruction",
    "interrupted_on_entry",
    "interrupted_once_waiting",
    "no_collection",
    "no_group_is_found",
]

_GLANCE_S = 0.005
_LONGEST_S = 30.0


@contextmanager
def interrupted_after(delay_s: float) -> Iterator[None]:
    """Press Ctrl-C after `delay_s` seconds; not on Windows, which has no such timer."""

    def press(signum: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.raise_signal(signal.SIGINT)

    with no_collection():
        before = signal.signal(signal.SIGALRM, press)
        try:
            # Again and again until the main thread takes note: it may be on its way into a call.
            signal.setitimer(signal.ITIMER_REAL, delay_s, 0.02)
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


@contextmanager
def no_collection() -> Iterator[None]:
    """Collect no garbage in the block.

    Python ignores an interrupt that strikes in a callback of the collector, and Hypothesis has one.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def interrupted_on_entry(function: Callable[..., object]) -> Iterator[None]:
    """Press Ctrl-C when the block calls `function`, before its first instruction."""
    code = _code_of(function)

    def trace(frame: FrameType, event: str, argument: object) -> None:
        if frame.f_code is code:
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def interrupted_at_instruction(
    number: int,
    function: Callable[[], object],
    modules: Collection[str],
    without: Collection[str] = (),
) -> bool:
    """Call `function` and press Ctrl-C before the bytecode instruction `number` of `modules`.

    Functions named in `without` are not counted. Returns True if that many instructions ran; the
    test fails if no KeyboardInterrupt came out then.
    """
    left = number

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        if frame.f_globals["__name__"] not in modules or frame.f_code.co_name in without:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event in ("call", "opcode"):
            left -= 1
            if left == -1:
                signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    if left < 0:
        pytest.fail(f"the interrupt at instruction {number} was lost")
    return False


@contextmanager
def interrupted_once_waiting(inside: Callable[..., object]) -> Iterator[None]:
    """Press Ctrl-C as soon as the main thread waits in a call of `inside`, and not before."""
    done = threading.Event()
    watcher = threading.Thread(target=_press_once_waiting, args=(_code_of(inside), done))
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _press_once_waiting(code: CodeType, done: threading.Event) -> None:
    main = threading.main_thread()
    give_up_at = time.monotonic() + _LONGEST_S
    earlier: object = None
    while not done.is_set() and time.monotonic() < give_up_at:
        now = _wait_of(main) if _runs(main, code) else None
        if now is not None and now == earlier:
            return signal.pthread_kill(main.ident or 0, signal.SIGINT)
        earlier = now
        done.wait(_GLANCE_S)


def _runs(thread: threading.Thread, code: CodeType) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


def _wait_of(thread: threading.Thread) -> object:
    """Return what stays the same while `thread` sleeps in one system call; None if it runs.

    Linux counts how often a thread went to sleep (proc_pid_status(5)). Where it does not, a thread
    that is found twice at the same instruction is taken for one that sleeps.
    """
    try:
        status = Path(f"/proc/self/task/{thread.native_id}/status").read_text(encoding="ascii")
    except OSError:
        frame = sys._current_frames()[thread.ident or 0]
        return frame, frame.f_lasti
    fields = dict(line.split(":", 1) for line in status.splitlines())
    if not fields["State"].strip().startswith("S"):
        return None
    return fields["voluntary_ctxt_switches"]


def _code_of(function: Callable[..., object]) -> CodeType:
    return function.__code__  # type: ignore[attr-defined, no-any-return]  # a Python function


def no_group_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let killpg() fail as for a child that died between fork() and setsid()."""

    def killpg(*_: object) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(os, "killpg", killpg)
