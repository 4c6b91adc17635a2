"""Keep Ctrl-C from leaving something half begun or half ended.

    with hold_interrupts() as interrupted:  # around a few lines
        thread.start()

    @uninterruptible  # for __enter__ and __exit__, together with an InterruptGuard
    def __exit__(self, kind, error, traceback): ...

Python raises KeyboardInterrupt between any two steps of the main thread, so `try`/`finally` is not
enough: an interrupt at the very entry of `__exit__` skips the whole cleanup, and one inside
`Thread.start` or `Event.wait` leaves a thread or a lock behind.

Only the main thread is ever interrupted; in other threads these tools do nothing.
"""

from sockets_lab.interrupts.display import without_traceback
from sockets_lab.interrupts.guard import InterruptGuard, deliver_interrupt, uninterruptible
from sockets_lab.interrupts.holding import hold_interrupts

__all__ = [
    "InterruptGuard",
    "deliver_interrupt",
    "hold_interrupts",
    "uninterruptible",
    "without_traceback",
]
