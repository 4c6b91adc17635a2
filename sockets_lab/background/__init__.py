"""Run the learner's server beside the notebook, and give the prompt back always.

    with background.run(serve, listener) as server:
        ...  # talk to it here

A server blocks, and a notebook must not: the function runs in a thread of its own. At the end of
the block it is stopped, whatever it does, and whether the block ended, raised or was interrupted:

1. the event `stop` is set, for functions that look at it, and a coroutine is cancelled;
2. `shutdown()` frees its threads from every socket that they wait on;
3. SystemExit is raised in those that still compute;
4. a thread that waits for something else cannot be ended by Python: `StillRunning` shows the line.

What the function left open is closed then, and its exception is raised in the notebook's cell.
"""

import weakref
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import NoReturn, Self

from sockets_lab.background.leaving import SureExit
from sockets_lab.background.running import HURRY_S, Run
from sockets_lab.interrupts import hold_interrupts

__all__ = ["Background", "NotReady", "StillRunning", "run"]

# The variable __tracebackhide__ below takes a frame out of the tracebacks of IPython and pytest, so
# that a learner sees the cell and the function that raised, and nothing between.

GLANCE_S = 0.01


class StillRunning(RuntimeError):
    """The function runs on after it was told to stop; the words say where it stands."""


class NotReady(RuntimeError):
    """The function did not set `ready` in time, or ended without; the words say where it stands."""


def run(
    function: Callable[..., object],
    /,
    *args: object,
    deadline_s: float = 5.0,
    name: str = "server",
    raise_errors: bool = True,
    **kwargs: object,
) -> "Background":
    """Call `function(*args, **kwargs)` in a thread beside the notebook, and return at once.

    If the function has a parameter `ready`, it is handed a `threading.Event`, and entering the
    `with` block waits until it is set. If it has a parameter `stop`, it is handed the event that
    tells it to end. It may also be an `async def`. `deadline_s` bounds both waits, in seconds:
    until it is ready, and until it has stopped. `name` is what messages and recordings call it.

    With `raise_errors=False`, what the function raises is only kept, as `.error`, and its sockets
    stay as it left them until the end of the block; errors of its threads are raised as always.

    TypeError if the function cannot be called so; ValueError if it is given a listener that had to
    stay shut down after an earlier run. The caller closes the sockets that it gave; listeners among
    them work as before once the run has stopped.
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
    """A function that runs beside the notebook, to be used as a context manager; see `run`."""

    def __init__(self, run: Run, deadline_s: float, name: str) -> None:
        self._run = run
        self._deadline_s = deadline_s
        self._name = name
        self._raised: BaseException | None = None
        # For a handle that is lost: an interrupt may strike before `with` has begun, and the name
        # of a server may be given to the next. The run knows nothing of its handle.
        lost = weakref.finalize(self, self.when_lost())
        lost.atexit = False  # the threads are daemons, and end with the process

    def __repr__(self) -> str:
        return f"<{self._name} {'running' if self.running else 'ended'}>"

    @property
    def ready(self) -> Event:
        """The event by which the function says that clients may come."""
        return self._run.ready

    @property
    def stopping(self) -> Event:
        """The event by which the function is told to end."""
        return self._run.stopping

    @property
    def running(self) -> bool:
        """Whether the function has neither returned nor raised."""
        return not self._run.wait(0)

    @property
    def result(self) -> object:
        """What the function returned; None before that."""
        return self._run.result

    @property
    def error(self) -> BaseException | None:
        """What the function, or else a thread that it started, raised; `stop` raises it."""
        return next(iter(self._run.errors), None) if self._run.raises else self._run.kept

    @property
    def thread(self) -> Thread | None:
        """Return the thread that the function runs in."""
        return self._run.thread

    @property
    def left_open(self) -> tuple[str, ...]:
        """The roles of the sockets that it left open, known once it has stopped."""
        return self._run.left_open

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the function ends by itself, `deadline_s` if not told; tell whether it did."""
        return self._run.wait(self._deadline_s if timeout_s is None else timeout_s)

    def stop(self) -> None:
        """Stop the function and its threads, and close what they left open.

        Raises what the function raised, if anything, and `StillRunning` if it could not be ended.
        Errors that the stopping itself caused, such as EINVAL from `accept()`, are not raised.
        Stopping twice does no harm.
        """
        __tracebackhide__ = True
        self._stop(self._deadline_s)

    def __enter__(self) -> Self:
        __tracebackhide__ = True
        try:
            self._wait_until_ready()
        except BaseException as error:
            self.leave(error)
            raise
        return self

    __exit__ = SureExit()

    def leave(self, error: BaseException | None) -> None:
        """Stop at the end of a block that raised `error`, or None."""
        __tracebackhide__ = True
        if error is not None and error is self._raised:
            return
        interrupted = error is not None and not isinstance(error, Exception)
        try:
            self._stop(min(HURRY_S, self._deadline_s) if interrupted else self._deadline_s)
        except Exception as own:
            if not interrupted or error is None:
                raise
            error.add_note(str(own) if type(own) is StillRunning else f"{self._name}: {own!r}")

    def when_lost(self) -> Callable[[], None]:
        """What stops the function when nobody is left who could."""
        return partial(_abandon, self._run)

    def _stop(self, deadline_s: float) -> None:
        __tracebackhide__ = True
        with hold_interrupts() as interrupted:
            self._run.end(deadline_s, hurry=interrupted)
        places = self._run.places()
        if places:
            self._raise(StillRunning(self._in_words(places, deadline_s)))
        if self._run.errors and self._raised is None:
            self._raise(self._run.errors[0])

    def _wait_until_ready(self) -> None:
        __tracebackhide__ = True
        if not self._run.says_ready():
            return
        with hold_interrupts() as interrupted:
            give_up_at = monotonic() + self._deadline_s
            while self.running and not (self.ready.is_set() or interrupted()):
                if monotonic() > give_up_at:
                    raise NotReady(
                        f"{self._name} has not called ready.set() in {self._deadline_s:g} s: it "
                        f"stands in {'; '.join(self._run.places())}"
                    )
                self.ready.wait(GLANCE_S)
        if self.error is not None:
            self.stop()
        if not self.ready.is_set():
            raise NotReady(f"{self._name} returned and had not called ready.set()")

    def _in_words(self, places: list[str], deadline_s: float) -> str:
        return (
            f"{self._name} still runs {deadline_s:g} s after it was told to stop: it stands in "
            f"{'; and in '.join(places)}; give calls that wait a timeout, and let loops end when "
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
    # Not here: this is called in the middle of anything, and an interrupt would be lost.
    if not run.is_over:
        Thread(target=run.abandon, name="end of a lost run", daemon=True).start()


def _join(error: BaseException, earlier: BaseException | None, block: BaseException | None) -> None:
    """Let a traceback show both what led to `error` in its thread and what the block raised."""
    error.__context__ = earlier
    chain = [error]
    while (before := chain[-1].__cause__ or chain[-1].__context__) and before not in chain:
        chain.append(before)
    if block is not None and block not in chain:
        chain[-1].__context__ = block
