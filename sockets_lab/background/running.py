"""One run of a function in a thread, from its start to the last thing it leaves behind."""

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

__all__ = ["HURRY_S", "LOST_S", "Run"]

GRACE_S = 0.25  # for a function that looks at `stop`, or a coroutine, to return
EXIT_AFTER_S = 0.2  # from the unblocking of its sockets to the first SystemExit
HURRY_S = 0.6  # after Ctrl-C the user expects the prompt back quickly
EXIT_AGAIN_S = 0.5  # time for `finally` to clean up
LOST_S = 5.0  # no one waits for the end of a lost run; given up early, its thread would go on
FIRST_STEP_S, LONGEST_STEP_S = 0.005, 0.1


class Run:
    """Run of a function in a separate thread."""

    def __init__(
        self,
        function: Callable[..., object],
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        *,
        raises: bool = True,
    ) -> None:
        """Create it.

        Raises TypeError if the function does not take these arguments, ValueError if a listener is
        shut down.
        """
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
        self._events = _requested(function, args, kwargs, ready=self.ready, stop=self.stopping)
        self._kwargs = {**kwargs, **self._events}
        self._sockets = RunSockets(function, [*args, *kwargs.values()])
        self._threads = Threads(self._on_error)
        self._first: Member | None = None
        self._cancel: Callable[[], object] | None = None
        self._exit_raised = False

    def start(self, name: str) -> None:
        """Call the function in a thread of this name."""
        self._first = self._threads.start(self._work, name)

    def uses_ready(self) -> bool:
        """Return True if the event `ready` was passed to the function."""
        return "ready" in self._events

    def wait(self, timeout_s: float) -> bool:
        """Wait until the function has returned or raised; return True if it has."""
        return self._first is None or self._first.ended.wait(timeout_s)

    def locations(self) -> list[str]:
        """Return where the threads are that still run, the one of the function first."""
        return [location_of(member.thread) for member in self._threads.running()]

    def end(self, deadline_s: float, hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop all threads and close what they left open.

        `locations()` reports threads that did not stop. `hurry` is asked while this waits; it
        returns True once the user wants the prompt back.
        """
        began = monotonic()
        self.stopping.set()
        try:
            if self._request_stop():
                self._threads.wait(min(GRACE_S, deadline_s))
            self._unblock_until(
                lambda: monotonic() - began > (min(HURRY_S, deadline_s) if hurry() else deadline_s)
            )
        finally:
            self._threads.cancel_exit()
            self.left_open += self._sockets.close_leftovers(self._frames())
            self._threads.close()
            self.is_over = True

    def abandon(self, deadline_s: float = GRACE_S + EXIT_AFTER_S) -> None:
        """Best-effort stop; errors are dropped because no caller remains."""
        with hold_interrupts(), suppress(Exception):
            self.end(deadline_s)

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
        if self._comes_from_stopping(error):
            return
        is_first = self.thread is current_thread()
        if is_first and not self.raises:
            self.kept = without_our_frames(error)
            return
        self.errors.append(without_our_frames(error))
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        self._sockets.unblock_dead_thread(frames, with_listeners=is_first)

    def _comes_from_stopping(self, error: BaseException) -> bool:
        if not self.stopping.is_set():
            return False
        if isinstance(error, SystemExit):
            return self._exit_raised
        asyncio = sys.modules.get("asyncio")
        return caused_by_stopping(error) or bool(
            asyncio and isinstance(error, asyncio.CancelledError)
        )

    # In the thread that stops it

    def _request_stop(self) -> bool:
        """Cancel a coroutine; return True if the function may return without being unblocked."""
        if self._cancel is not None:
            with suppress(RuntimeError):  # its loop is closed already
                self._cancel()
        return self._cancel is not None or "stop" in self._events

    def _unblock_until(self, give_up: Callable[[], bool]) -> None:
        step_s = FIRST_STEP_S
        self._sockets.find(self._frames(), everywhere=False)
        # An unblocked recvfrom() returns without a peer, which no function expects: end it there.
        exit_at = monotonic() + (0 if self._sockets.has_datagrams() else EXIT_AFTER_S)
        while self._threads.running():
            if monotonic() >= exit_at:
                self._raise_exit()
                exit_at = monotonic() + EXIT_AGAIN_S
            self._sockets.unblock()
            # Not before: in a large process, finding the sockets may have taken all the time.
            if self._threads.wait(step_s) or give_up():
                return
            self._sockets.find(self._frames())
            step_s = min(2 * step_s, LONGEST_STEP_S)

    def _raise_exit(self) -> None:
        self._exit_raised = True
        self._threads.raise_exit()

    def _frames(self) -> list[FrameType]:
        running = self._threads.running()
        frames = [frame for member in running for frame in frames_of(member.thread)]
        for error in self.errors:
            frames += [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        return frames


def _requested(
    function: Callable[..., object],
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    **events: Event,
) -> dict[str, Event]:
    """Return the events for which the function has a parameter without another argument."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C have no signature
        return {}
    given = signature.bind_partial(*args, **kwargs).arguments
    requested = {
        name: event
        for name, event in events.items()
        if name in signature.parameters and name not in given
    }
    signature.bind(*args, **kwargs, **requested)
    return requested
