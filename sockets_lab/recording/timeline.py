"""When each task of an event loop ran, and when it waited.

A coroutine runs from one `await` that has to wait to the next. Its caller sees both ends of each
such step: `send()` is called when it continues, and returns when it waits again (PEP 492, "the
coroutine object interface"). So a coroutine in between, which passes everything on, can note the
times.
"""

import types
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple, TypeVar

__all__ = ["Step", "Timeline"]

T = TypeVar("T")


class Step(NamedTuple):
    """One run of a task without a break, in seconds since the timeline began."""

    began_s: float
    ended_s: float


class Timeline:
    """The steps of watched tasks by name, and how each ended, in words.

    `ends` has "returned", "cancelled", or "raised" with the error's name; a task that has not ended
    is not in it.
    """

    def __init__(self) -> None:
        self._began_s = monotonic()
        self.steps: dict[str, list[Step]] = {}
        self.ends: dict[str, str] = {}

    async def watch(self, name: str, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine and note its steps under a name; return or raise what it does."""
        self.steps.setdefault(name, [])
        try:
            result = await self._drive(name, coroutine)
        except BaseException as error:
            cancelled = type(error).__name__ == "CancelledError"
            self.ends[name] = "cancelled" if cancelled else f"raised {type(error).__name__}"
            raise
        self.ends[name] = "returned"
        return result

    @types.coroutine
    def _drive(self, name: str, coroutine: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        sent: Any = None
        thrown: BaseException | None = None
        while True:
            try:
                with self._step(name):
                    go_on = coroutine.send if thrown is None else coroutine.throw
                    waits_for = go_on(sent if thrown is None else thrown)
            except StopIteration as end:
                result: T = end.value
                return result
            sent, thrown = None, None
            try:
                sent = yield waits_for
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:
                thrown = error

    @contextmanager
    def _step(self, name: str) -> Generator[None, None, None]:
        began_s = monotonic()
        try:
            yield
        finally:
            step = Step(began_s - self._began_s, monotonic() - self._began_s)
            self.steps[name].append(step)

    def __repr__(self) -> str:
        return f"<timeline of {', '.join(self.steps) or 'no task yet'}>"
