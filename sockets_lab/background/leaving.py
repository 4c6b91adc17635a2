"""The end of a `with` block that cannot be missed.

Python looks for interrupts at the entry of every function, so one may strike at the very beginning
of `__exit__`, before it has done anything: likely so when a call in the block was interrupted and
raised something else at the same time. But `with` holds on to what it looked up as `__exit__`, and
lets go of it afterwards. If that was not called by then, it has been missed.
"""

import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, overload

__all__ = ["SureExit"]


class Leavable(Protocol):
    """What has a `SureExit`."""

    def leave(self, error: BaseException | None) -> None:
        """Leave the block, which raised `error` if that is not None."""

    def when_lost(self) -> Callable[[], None]:
        """What to call when the block was left and `leave` was not called; it keeps no hold."""


class SureExit:
    """An `__exit__` that calls the object's `leave`, or what `when_lost` gave if that is missed."""

    @overload
    def __get__(self, owner: None, kind: type) -> "SureExit": ...
    @overload
    def __get__(self, owner: Leavable, kind: type) -> "Exit": ...
    def __get__(self, owner: Leavable | None, kind: type) -> "SureExit | Exit":
        return self if owner is None else Exit(owner)

    def __call__(
        self,
        owner: Leavable,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """`contextlib.ExitStack` looks `__exit__` up in the class, and calls it so."""
        owner.leave(error)


class Exit:
    """The `__exit__` of one block."""

    def __init__(self, owner: Leavable) -> None:
        self._owner = owner
        lost = weakref.finalize(self, owner.when_lost())
        lost.atexit = False

    def __call__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        self._owner.leave(error)
