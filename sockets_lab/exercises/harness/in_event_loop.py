"""A learner's coroutine, run in a separate event loop as if it were a plain function."""

import asyncio
import inspect
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from sockets_lab.exercises.harness.runner import Failed, NotStarted, described

__all__ = ["InEventLoop"]

_GLANCE_S = 0.01
_CANCEL_S = 1.5  # for a coroutine to end when it is cancelled: long, for a busy machine


class InEventLoop:
    """Calls `answer(listener)` in an event loop until it ends or `stop` is set; then cancels it.

    `end` says how the coroutine ended, once that is known.
    """

    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer = answer
        self.end = ""

    def __call__(self, listener: socket.socket, stop: threading.Event) -> None:
        self.end = ""
        loop = asyncio.new_event_loop()
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._until(listener, stop))
        finally:  # an answer that blocks the loop is ended by SystemExit, perhaps in loop.close()
            with suppress(RuntimeError, AttributeError):
                loop.close()

    async def _until(self, listener: socket.socket, stop: threading.Event) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        task = asyncio.ensure_future(self._coroutine(listener))
        while not (stop.is_set() or task.done()):
            await asyncio.sleep(_GLANCE_S)
        if task.done():
            error = None if task.cancelled() else task.exception()
            if error is not None:
                raise error
            self.end = "returned, although it was not cancelled"
            return
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=_CANCEL_S)
        self.end = _end_of(task) if done else "did not end"
        await asyncio.sleep(_GLANCE_S)  # the loop closes connections that were aborted

    def _coroutine(self, listener: socket.socket) -> Coroutine[Any, Any, object]:
        coroutine: Any = self._answer(listener)
        if inspect.iscoroutine(coroutine):
            return coroutine
        if coroutine in (None, ...):
            raise NotStarted
        raise Failed("does not return a coroutine", "begin with `async def serve_chat(listener):`")


def _end_of(task: "asyncio.Future[object]") -> str:
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    return f"raised {described(error)}" if error else "returned"
