"""Hold interrupts back during a block.

The handler of SIGINT is replaced for that time by one that only takes note. At the end of the block
the interrupt goes to the handler that was there before.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sockets_lab.interrupts.guard import is_interrupt_pending

__all__ = ["hold_interrupts"]


@contextmanager
def hold_interrupts() -> Iterator[Callable[[], bool]]:
    """Hold interrupts back inside the block, and raise KeyboardInterrupt at its end if one came.

    Yields a function that returns True once an interrupt has come, for a block that can hurry.
    """
    came = False
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def take_note(*_: object) -> None:
        nonlocal came
        came = True

    signal.signal(signal.SIGINT, take_note)
    try:
        yield lambda: came or is_interrupt_pending()
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            # With the frame of now: the one that was interrupted may have returned, and a guard
            # looks for the functions that are running.
            handler(signal.SIGINT, sys._getframe())
