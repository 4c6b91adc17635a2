"""Hold an interrupt back while something is begun or ended that must not be left halfway.

A KeyboardInterrupt strikes between any two steps of the main thread, also inside `Thread.start` and
`Event.wait`, which then leave a thread or a lock behind. So the handler of SIGINT is replaced for
that moment by one that only takes note; the interrupt is handed on at its end.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["hold_interrupts"]


@contextmanager
def hold_interrupts() -> Iterator[Callable[[], bool]]:
    """Hold interrupts back inside the block, which may ask whether one has come, and hurry then."""
    came: list[tuple[int, FrameType | None]] = []
    handler = signal.getsignal(signal.SIGINT)
    # Only the main thread is ever interrupted, and may change what an interrupt does.
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    signal.signal(signal.SIGINT, lambda *interrupt: came.append(interrupt))
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])
