"""Hold interrupts back in marked functions while a `with` block runs.

The `__enter__` and `__exit__` of a context manager are marked with `@uninterruptible`, and an
`InterruptGuard` is held from the one to the other. While at least one guard is held, the handler of
SIGINT looks where the main thread is. In a marked function, and in anything that it calls, the
interrupt stays pending until the function delivers it; anywhere else it is passed on immediately to
the handler that was there before. So an interrupt at the entry of `__exit__`, before its first
line, waits for the cleanup as well. trio protects its internals in the same way (see its module
`trio._core._ki`).
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import ClassVar, ParamSpec, TypeVar
from weakref import WeakSet

__all__ = ["InterruptGuard", "deliver_interrupt", "is_interrupt_pending", "uninterruptible"]

P = ParamSpec("P")
T = TypeVar("T")

_marked: set[CodeType] = set()


def uninterruptible(function: Callable[P, T]) -> Callable[P, T]:
    """Mark `function`: while it runs and an `InterruptGuard` is held, interrupts stay pending.

    It has to call `InterruptGuard.release` or `deliver_interrupt` before it returns.
    """
    _marked.add(function.__code__)
    return function


class _State:
    """State of the handler, of which a process has one."""

    holders: ClassVar["WeakSet[InterruptGuard]"] = WeakSet()
    pending = False
    handler_before: Callable[[int, FrameType | None], object] = staticmethod(
        signal.default_int_handler
    )


class InterruptGuard:
    """A right to have interrupts held back in marked functions, for one `with` block.

    Guards may nest, and may be released in any order.
    """

    @uninterruptible
    def hold(self) -> None:
        """Install the handler, unless another guard has done so.

        Does nothing in other threads than the main thread, and where SIGINT is ignored or not
        handled by Python, since no KeyboardInterrupt can come there.
        """
        installed = signal.getsignal(signal.SIGINT)
        if not _is_main_thread() or not callable(installed):
            return
        # With another guard held, a handler on top of ours was put there by the block, on purpose.
        if not _State.holders and installed is not _on_interrupt:
            _State.pending = False
            _State.handler_before = installed
            signal.signal(signal.SIGINT, _on_interrupt)
        _State.holders.add(self)

    @uninterruptible
    def release(self) -> None:
        """Remove the handler if no other guard needs it, and deliver a pending interrupt.

        A handler that the block put on top of ours stays. Releasing twice does no harm.
        """
        __tracebackhide__ = True
        if self in _State.holders:
            _State.holders.discard(self)
            _remove_unused()
        _deliver(sys._getframe(1))


def deliver_interrupt() -> None:
    """Raise KeyboardInterrupt if an interrupt came while the marked caller ran.

    If that was called by another marked function in turn, the interrupt stays pending for it.
    """
    __tracebackhide__ = True
    _deliver(sys._getframe(1))


def is_interrupt_pending() -> bool:
    """Return True if an interrupt came in a marked function and has not been delivered."""
    return _State.pending


def _deliver(caller: FrameType) -> None:
    __tracebackhide__ = True
    if not _State.pending or not _is_main_thread():
        return
    if sum(frame.f_code in _marked for frame in _frames(caller)) <= 1:
        _State.pending = False
        _State.handler_before(signal.SIGINT, caller)


def _remove_unused() -> None:
    if (
        not _State.holders
        and _is_main_thread()
        and signal.getsignal(signal.SIGINT) is _on_interrupt
    ):
        signal.signal(signal.SIGINT, _State.handler_before)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _on_interrupt(number: int, frame: FrameType | None) -> None:
    __tracebackhide__ = True
    if any(each.f_code in _marked for each in _frames(frame)):
        _State.pending = True
        return
    _remove_unused()  # the last guard was lost, or released by another thread
    _State.handler_before(number, frame)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
