"""Keep Ctrl-C away from the few lines that must run to their end.

`try`/`finally` is not enough: an interrupt can strike at the very entry of `__exit__`, before its
first line, and then nobody takes the patches off again. So while a recording runs, a handler stands
before the one that was there. It looks where the main thread is. In a function marked `@unbroken`,
or in anything that such a function calls, the interrupt waits until `deliver()`; anywhere else it
is passed on at once. Trio protects its internals in the same way.

Only the main thread receives Python's signals; in other threads this does nothing.
"""

import signal
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import ParamSpec, TypeVar

__all__ = ["deliver", "hold", "release", "unbroken", "waiting"]

P = ParamSpec("P")
T = TypeVar("T")

Handler = Callable[[int, FrameType | None], object]

_marked: set[CodeType] = set()


class _Guard:
    """The one handler of this process: who holds it, what stood there before, what waits."""

    holders = 0
    waiting = False
    before: Handler = staticmethod(signal.default_int_handler)


def unbroken(function: Callable[P, T]) -> Callable[P, T]:
    """Mark `function`: while it runs and the handler is held, an interrupt waits."""
    _marked.add(function.__code__)
    return function


def hold() -> bool:
    """Put the handler in its place; whether it is held now, and so must be released."""
    if threading.current_thread() is not threading.main_thread():
        return False
    standing = signal.getsignal(signal.SIGINT)
    if not callable(standing):  # ignored, or not Python's: no KeyboardInterrupt can come
        return False
    if _Guard.holders == 0:
        _Guard.waiting = False
    if _Guard.holders == 0 and standing is not _on_interrupt:
        _Guard.before = standing
        signal.signal(signal.SIGINT, _on_interrupt)
    _Guard.holders += 1
    return True


def release() -> None:
    """Take the handler away with its last holder, unless somebody has put another on top."""
    _Guard.holders -= 1
    if (
        _Guard.holders == 0
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is _on_interrupt
    ):
        signal.signal(signal.SIGINT, _Guard.before)


def waiting() -> bool:
    """Whether an interrupt came while it had to wait."""
    return _Guard.waiting


def deliver() -> None:
    """Pass on the interrupt that waits, if one does."""
    if _Guard.waiting:
        _Guard.waiting = False
        _Guard.before(signal.SIGINT, None)


def _on_interrupt(number: int, frame: FrameType | None) -> None:
    where = frame
    while where is not None and where.f_code not in _marked:
        where = where.f_back
    if where is not None:
        _Guard.waiting = True
    else:
        _Guard.before(number, frame)
