"""One run of a function in its own thread, from its start to the last thing it leaves behind."""

import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event, Thread, current_thread
from time import monotonic
from types import FrameType

from sockets_lab.background.locations import location_of, without_our_frames
from sockets_lab.background.run_sockets import RunSockets
from sockets_lab.background.threads import Member, Threads, frames_of
from sockets_lab.background.unblocking import caused_by_stopping
from sockets_lab.interrupts import hold_interrupts

__all__ = ["HURRY_S", "Run"]

POLITE_S = 0.25  # for a function that looks at `stop`, or a coroutine, to end by itself
PATIENCE_S = 0.2  # after its sockets are freed, before SystemExit is raised in it
HURRY_S = 0.6  # who interrupts a cell wants the prompt at once
HALT_AGAIN_S = 0.5  # time for `finally` to clean up
FIRST_STEP_S, LONGEST_STEP_S = 0.005, 0.1


class Run:
    """A function at work in a thread of its own."""

    def __init__(
        self,
        function: Callable[..., object],
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        *,
        raises: bool = True,
    ) -> None:
        """TypeError if the function cannot be called so; ValueError if a listener is shut."""
        self.ready = Event()
        self.stopping = Event()
        self.result: object = None
        self.errors: list[BaseException] = []
        self.kept: BaseException | None = None  # the function's own error, unless it `raises`
        self.raises = raises
        self.thread: Thread | None = None  # the function's own, once it runs
        self.left_open: tuple[str, ...] = ()
        self.is_over = False
        self._function, self._args = function, args
        self._events = _asked_for(function, args, kwargs, ready=self.ready, stop=self.stopping)
        self._kwargs = {**kwargs, **self._events}
        self._sockets = RunSockets(function, [*args, *kwargs.values()])
        self._threads = Threads(self._on_error)
        self._first: Member | None = None
        self._cancel: Callable[[], object] | None = None
        self._halted = False

    def start(self, name: str) -> None:
        """Call the function in a thread of this name."""
        self._first = self._threads.start(self._work, name)

    def says_ready(self) -> bool:
        """Whether the function was handed the event `ready`."""
        return "ready" in self._events

    def wait(self, timeout_s: float) -> bool:
        """Wait until the function has returned or raised; tell whether it has."""
        return self._first is None or self._first.ended.wait(timeout_s)

    def places(self) -> list[str]:
        """Where the threads stand that still run, the function's own first."""
        return [location_of(member.thread) for member in self._threads.running()]

    def end(self, deadline_s: float, hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop all threads and close what they left open; `places` names who would not stop.

        `hurry` tells, while this waits, whether somebody wants the prompt back at once.
        """
        began = monotonic()
        self.stopping.set()
        try:
            if self._ask_politely():
                self._threads.wait(min(POLITE_S, deadline_s))
            self._free_until(
                lambda: monotonic() - began > (min(HURRY_S, deadline_s) if hurry() else deadline_s)
            )
        finally:
            self._threads.relent()
            self.left_open += self._sockets.put_away(self._frames())
            self._threads.close()
            self.is_over = True

    def abandon(self) -> None:
        """Stop as well as can be: nobody is left to be told."""
        with hold_interrupts(), suppress(Exception):
            self.end(POLITE_S + PATIENCE_S)

    # In the threads of the run

    def _work(self) -> None:
        self.thread = current_thread()
        if inspect.iscoroutinefunction(self._function):
            import asyncio  # slow to import, and most functions are plain

            self.result = asyncio.run(self._until_cancelled())
        else:
            self.result = self._function(*self._args, **self._kwargs)

    async def _until_cancelled(self) -> object:
        import asyncio

        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel) if task else None
        if self.stopping.is_set():
            raise asyncio.CancelledError
        return await self._function(*self._args, **self._kwargs)  # type: ignore[misc]  # async def

    def _on_error(self, error: BaseException) -> None:
        if self._is_our_doing(error):
            return
        is_first = self.thread is current_thread()
        if is_first and not self.raises:
            self.kept = without_our_frames(error)
            return
        self.errors.append(without_our_frames(error))
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        self._sockets.free_orphans(frames, with_listeners=is_first)

    def _is_our_doing(self, error: BaseException) -> bool:
        if not self.stopping.is_set():
            return False
        if isinstance(error, SystemExit):
            return self._halted
        asyncio = sys.modules.get("asyncio")
        return caused_by_stopping(error) or bool(
            asyncio and isinstance(error, asyncio.CancelledError)
        )

    # In the thread that stops it

    def _ask_politely(self) -> bool:
        """Cancel a coroutine; tell whether the function can end before its sockets are freed."""
        if self._cancel is not None:
            with suppress(RuntimeError):  # its loop is closed already
                self._cancel()
        return self._cancel is not None or "stop" in self._events

    def _free_until(self, give_up: Callable[[], bool]) -> None:
        step_s = FIRST_STEP_S
        self._sockets.find(self._frames(), everywhere=False)
        # A freed recvfrom() returns without a peer, which no function expects: end it right there.
        halt_at = monotonic() + (0 if self._sockets.has_datagrams() else PATIENCE_S)
        while self._threads.running() and not give_up():
            if monotonic() >= halt_at:
                self._halt()
                halt_at = monotonic() + HALT_AGAIN_S
            self._sockets.free()
            if not self._threads.wait(step_s):
                self._sockets.find(self._frames())
            step_s = min(2 * step_s, LONGEST_STEP_S)

    def _halt(self) -> None:
        self._halted = True
        self._threads.halt()

    def _frames(self) -> list[FrameType]:
        running = self._threads.running()
        frames = [frame for member in running for frame in frames_of(member.thread)]
        for error in self.errors:
            frames += [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        return frames


def _asked_for(
    function: Callable[..., object],
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    **events: Event,
) -> dict[str, Event]:
    """Those of `events` for which the function has a parameter that is not given otherwise."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C do not tell
        return {}
    given = signature.bind_partial(*args, **kwargs).arguments
    asked = {
        name: event
        for name, event in events.items()
        if name in signature.parameters and name not in given
    }
    signature.bind(*args, **kwargs, **asked)
    return asked
