"""Run the learner's server beside the notebook, and always give the prompt back.

    with background.run(serve, listener) as server:
        ...  # connect to it here

A server blocks, and a notebook must not: the function runs in a separate thread. At the end of the
block it is stopped, whatever it does, also if the block raised or was interrupted:

1. the event `stop` is set, for functions that look at it, and a coroutine is cancelled;
2. `shutdown()` unblocks its threads on every socket that they wait for;
3. SystemExit is raised in threads that still compute;
4. a thread that waits for something else cannot be ended by Python: `StillRunning` shows the line.

What the function left open is closed then, and its exception is raised in the notebook's cell.

For tools that run a function themselves and report on it, such as the checks of the exercises,
there are also `OpenSockets`, `sockets_at`, `sockets_in`, `location_of` and `location_of_error`.
"""

import weakref
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import NoReturn, Self

from sockets_lab.background.locations import location_of, location_of_error
from sockets_lab.background.ownership import OpenSockets, sockets_at, sockets_in
from sockets_lab.background.running import HURRY_S, LOST_S, Run
from sockets_lab.interrupts import (
    InterruptGuard,
    deliver_interrupt,
    hold_interrupts,
    uninterruptible,
)

__all__ = [
    "Background",
    "NotReady",
    "OpenSockets",
    "StillRunning",
    "location_of",
    "location_of_error",
    "run",
    "sockets_at",
    "sockets_in",
]

# The variable __tracebackhide__ below removes a frame from the tracebacks of IPython and pytest, so
# that a learner sees the cell and the function that raised, and nothing in between.

GLANCE_S = 0.01


class StillRunning(RuntimeError):
    """Raised if the function still runs after it was stopped; the message says where."""


class NotReady(RuntimeError):
    """Raised if the function did not set `ready` in time; the message says where it is."""


def run(
    function: Callable[..., object],
    /,
    *args: object,
    deadline_s: float = 5.0,
    name: str = "server",
    raise_errors: bool = True,
    **kwargs: object,
) -> "Background":
    """Call `function(*args, **kwargs)` in a thread beside the notebook, and return immediately.

    If the function has a parameter `ready`, it gets a `threading.Event` there, and entering the
    `with` block waits until the function sets it. If it has a parameter `stop`, it gets an event
    that is set when it should return. It may also be an `async def`. `deadline_s` bounds both
    waits, in seconds: until it is ready, and until it has stopped. `name` is used in messages and
    recordings.

    With `raise_errors=False`, what the function raises is only kept, as `.error`, and its sockets
    stay as it left them until the end of the block; errors of its threads are raised as always.

    Raises TypeError if the function does not take these arguments, and ValueError for a listener
    that stayed shut down after an earlier run. The caller closes the sockets that it passed;
    listeners among them work as before once the run has stopped.
    """
    background = Background(Run(function, args, kwargs, raises=raise_errors), deadline_s, name)
    try:
        with hold_interrupts():
            background._run.start(name)
    except BaseException:
        background._run.abandon()
        raise
    return background


class Background:
    """Function that runs beside the notebook, used as a context manager; see `run`."""

    def __init__(self, run: Run, deadline_s: float, name: str) -> None:
        self._run = run
        self._deadline_s = deadline_s
        self._name = name
        self._raised: BaseException | None = None
        self._guard = InterruptGuard()
        # For a lost handle: an interrupt may come before `with` has begun, and a learner may give
        # the name to the next server. The run has no reference to its handle.
        lost = weakref.finalize(self, _abandon, run)
        lost.atexit = False  # the threads are daemons, and end with the process

    def __repr__(self) -> str:
        return f"<{self._name} {'running' if self.running else 'ended'}>"

    @property
    def ready(self) -> Event:
        """Return the event that the function sets when clients may connect."""
        return self._run.ready

    @property
    def stopping(self) -> Event:
        """Return the event that is set when the function should return."""
        return self._run.stopping

    @property
    def running(self) -> bool:
        """Return True if the function has neither returned nor raised."""
        return not self._run.wait(0)

    @property
    def result(self) -> object:
        """Return what the function returned; None before that."""
        return self._run.result

    @property
    def error(self) -> BaseException | None:
        """Return what the function, or else a thread it started, raised; `stop` raises it."""
        return next(iter(self._run.errors), None) if self._run.raises else self._run.kept

    @property
    def thread(self) -> Thread | None:
        """Return the thread that the function runs in."""
        return self._run.thread

    @property
    def left_open(self) -> tuple[str, ...]:
        """Return the roles of the sockets that it left open, known once it has stopped."""
        return self._run.left_open

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the function returns, by default `deadline_s`; return True if it did."""
        return self._run.wait(self._deadline_s if timeout_s is None else timeout_s)

    def stop(self) -> None:
        """Stop the function and its threads, and close what they left open.

        Raises what the function raised, if anything, and `StillRunning` if it cannot be ended.
        Errors that stopping itself caused, such as EINVAL from `accept()`, are not raised.
        Stopping twice does no harm.
        """
        __tracebackhide__ = True
        self._stop(self._deadline_s)

    @uninterruptible
    def __enter__(self) -> Self:
        __tracebackhide__ = True
        self._guard.hold()
        try:
            self._wait_until_ready()
            deliver_interrupt()
        except BaseException as error:
            self._leave(error)
            raise
        return self

    @uninterruptible
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        self._leave(error)

    def _leave(self, error: BaseException | None) -> None:
        """Stop at the end of a block that raised `error`, or None."""
        __tracebackhide__ = True
        try:
            if error is None or error is not self._raised:
                self._stop_after(error)
        finally:
            self._guard.release()

    def _stop_after(self, error: BaseException | None) -> None:
        __tracebackhide__ = True
        interrupted = error is not None and not isinstance(error, Exception)
        try:
            self._stop(min(HURRY_S, self._deadline_s) if interrupted else self._deadline_s)
        except Exception as own:
            if not interrupted or error is None:
                raise
            error.add_note(str(own) if type(own) is StillRunning else f"{self._name}: {own!r}")

    def _stop(self, deadline_s: float) -> None:
        __tracebackhide__ = True
        with hold_interrupts() as interrupted:
            self._run.end(deadline_s, hurry=interrupted)
        locations = self._run.locations()
        if locations:
            self._raise(StillRunning(self._describe(locations, deadline_s)))
        if self._run.errors and self._raised is None:
            self._raise(self._run.errors[0])

    def _wait_until_ready(self) -> None:
        __tracebackhide__ = True
        if not self._run.uses_ready():
            return
        with hold_interrupts() as interrupted:
            give_up_at = monotonic() + self._deadline_s
            while self.running and not (self.ready.is_set() or interrupted()):
                if monotonic() > give_up_at:
                    raise NotReady(
                        f"{self._name} did not call ready.set() within {self._deadline_s:g} s: "
                        f"blocked in {'; '.join(self._run.locations())}"
                    )
                self.ready.wait(GLANCE_S)
        deliver_interrupt()
        if self.error is not None:
            self.stop()
        if not self.ready.is_set():
            raise NotReady(f"{self._name} returned without calling ready.set()")

    def _describe(self, locations: list[str], deadline_s: float) -> str:
        return (
            f"{self._name} did not return within {deadline_s:g} s after `stop` was set: blocked in "
            f"{'; and in '.join(locations)}; give blocking calls a timeout, and end loops when "
            "`stop` is set"
        )

    def _raise(self, error: BaseException) -> NoReturn:
        __tracebackhide__ = True
        self._raised = error
        earlier = error.__context__
        try:
            raise error
        finally:
            _join(error, earlier, error.__context__)


def _abandon(run: Run) -> None:
    # In another thread: a finalizer may run at any moment, and Python drops its exceptions.
    if not run.is_over:
        name = "end of a lost run"
        Thread(target=run.abandon, args=[LOST_S], name=name, daemon=True).start()


def _join(error: BaseException, earlier: BaseException | None, block: BaseException | None) -> None:
    """Make a traceback show both what led to `error` in its thread and what the block raised.

    Python itself shows one of them only, and a learner needs both: the mistake in the server, and
    the error of the client that it caused (test_both_errors_are_visible).
    """
    error.__context__ = earlier
    chain = [error]
    while (before := chain[-1].__cause__ or chain[-1].__context__) and before not in chain:
        chain.append(before)
    if block is not None and block not in chain:
        chain[-1].__context__ = block
