"""Where a kernel's main thread waits, as the operating system reports it, and interrupts there.

An interrupt that strikes at a fixed moment strikes between two bytecodes of a library now and then,
where a new descriptor is in no variable yet, and is lost. A learner who presses Ctrl-C interrupts a
wait. So does this module: Linux reports in /proc that a thread sleeps, in which system call, and
how often it was given a core. Elsewhere an interrupt strikes after a bounded wait.
"""

import ctypes
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import NamedTuple

__all__ = ["Begun", "Wait", "Watch", "chosen", "watching"]

SAMPLE_S = 0.003
STEADY_S = 0.012  # a thread that waits for the GIL wakes up every 5 ms to ask for it
WITHOUT_PROC_S = 0.1
STOP_DEADLINE_S = 1.0


Strike = Callable[[bool], None]  # takes True if the main thread was interrupted already


class Place(NamedTuple):
    """Where a thread sleeps: in which function of Linux, and how deep in its stack."""

    function: str
    stack: str


class Wait(NamedTuple):
    """One wait of a cell: the kernel's function, and how many waits the cell had in it before.

    The stack's depth distinguishes waits within a run; it may differ in the next run of the cell.
    """

    function: str
    earlier: int

    def __str__(self) -> str:
        return f"wait {self.earlier + 1} in {self.function}"


class Begun(NamedTuple):
    """A wait that was seen, where on the thread's stack, and when it began."""

    wait: Wait
    stack: str
    began_s: float


class _Sleep(NamedTuple):
    """A thread asleep; as long as this tuple stays equal, the thread has not run."""

    place: Place
    runs: int


class Watch:
    """What the main thread of a kernel did while a cell ran: its waits, and when each began.

    With a `target`, the thread is interrupted in that wait, at `struck_at`. `strike` then does the
    rest: it interrupts the kernel's children, and the kernel itself where /proc is missing.
    """

    def __init__(self, pid: int, target: Wait | None, strike: Strike) -> None:
        self._thread = MainThread(pid)
        self._target = target
        self._strike = strike
        self._counts: Counter[str] = Counter()
        self._began = monotonic()
        self.waits: list[Begun] = []
        self.waited_s = 0.0
        self.struck_at: float | None = None
        self._before: dict[str, float] = {}
        self._busy: dict[str, float] = {}

    def until(self, ended: Event) -> None:
        """Look at the thread again and again until `ended` is set."""
        if not self._thread.is_visible():
            self._look_at_the_clock(ended)
            return
        sleep, since, counted = None, 0.0, False
        while not ended.wait(SAMPLE_S):
            now = monotonic()
            if self.struck_at:
                self._busy = self._busy | self._thread.busy_times()
            seen = self._thread.sleep()
            if seen is None or seen != sleep:
                self._end(now - since if counted else 0)
                sleep, since, counted = seen, now, False
            elif now - since > STEADY_S and not counted:
                counted = True
                self._meet(sleep, since)
        self._end(monotonic() - since if counted else 0)
        self._busy = self._busy | self._thread.busy_times()

    def _look_at_the_clock(self, ended: Event) -> None:
        wait = Wait("a cell", 0)
        if not ended.wait(WITHOUT_PROC_S):
            self.waits.append(Begun(wait, "", 0.0))
            self.waited_s = WITHOUT_PROC_S
            if self._target == wait:
                self._hit({}, monotonic())

    def _meet(self, sleep: _Sleep, since: float) -> None:
        function = sleep.place.function
        wait = Wait(function, self._counts[function])
        self._counts[function] += 1
        self.waits.append(Begun(wait, sleep.place.stack, since - self._began))
        if self._is_due(wait):
            before, now = self._thread.busy_times(), monotonic()
            if self._thread.interrupt_in(sleep):
                self._hit(before, now)

    def _is_due(self, wait: Wait) -> bool:
        """Return True at the target, and at a later wait like it if that one was missed."""
        target = self._target
        due = target and wait.function == target.function and wait.earlier >= target.earlier
        return bool(due and self.struck_at is None)

    def _hit(self, before: dict[str, float], now: float) -> None:
        self._before = self._busy = before
        self.struck_at = now
        self._strike(bool(before))

    def _end(self, seconds: float) -> None:
        self.waited_s += seconds

    def busy_s(self) -> float:
        """Return for how long at least some thread ran, or waited for a core, since the interrupt.

        A thread that computes keeps the lock without which the main thread does nothing.
        """
        return max((now - self._before.get(tid, 0) for tid, now in self._busy.items()), default=0)


class MainThread:
    """The main thread of a process, seen through /proc."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._folder = Path(f"/proc/{pid}/task/{pid}")

    def is_visible(self) -> bool:
        return bool(self._read("schedstat"))

    def sleep(self) -> _Sleep | None:
        """Return where the thread sleeps; None if it has a core, or wants one."""
        if self._state() != "S":
            return None
        return _Sleep(Place(self._read("wchan"), self._stack()), self._runs())

    def interrupt_in(self, sleep: _Sleep) -> bool:
        """Send SIGINT if the thread has not run since it went to `sleep`; return True if it was.

        The process is stopped meanwhile. Being stopped counts as one run: the thread wakes up,
        finds SIGSTOP and stops, still inside its system call. SIGINT goes to this thread, as it
        would if nothing were stopped: of stopped threads Linux chooses the one that runs first.
        """
        os.kill(self._pid, signal.SIGSTOP)
        try:
            deadline = monotonic() + STOP_DEADLINE_S
            while self._state() != "T" and monotonic() < deadline:
                pass
            same = (self._stack(), self._runs()) == (sleep.place.stack, sleep.runs + 1)
            if same:
                ctypes.CDLL(None).tgkill(self._pid, self._pid, signal.SIGINT)
            return same
        finally:
            os.kill(self._pid, signal.SIGCONT)

    def busy_times(self) -> dict[str, float]:
        """Return the seconds for which each thread ran or waited for a core.

        The threads of child processes are among them: a cell that ends its children waits for them.
        """
        found, processes = {}, [str(self._pid)]
        while processes:
            for task in Path("/proc", processes.pop(), "task").glob("*"):
                with suppress(OSError):  # it has ended
                    ran, waited, _ = (task / "schedstat").read_text().split()
                    found[task.name] = (int(ran) + int(waited)) / 1e9
                    processes += (task / "children").read_text().split()
        return found

    def _runs(self) -> int:
        return int((self._read("schedstat").split() or ["0"])[-1])

    def _state(self) -> str:
        return self._read("stat").rpartition(")")[2][1:2]

    def _stack(self) -> str:
        """Return the stack pointer with which the thread entered its system call."""
        return ([""] * 2 + self._read("syscall").split())[-2]

    def _read(self, name: str) -> str:
        try:
            return (self._folder / name).read_text()
        except OSError:  # not Linux, not permitted, or it has ended
            return ""


@contextmanager
def watching(
    pid: int, target: Wait | None = None, strike: Strike = lambda reached: None
) -> Iterator[Watch]:
    """Watch a process's main thread, from a thread beside this one, as long as the body runs."""
    watch, ended = Watch(pid, target, strike), Event()
    thread = Thread(target=watch.until, args=[ended])
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()


def chosen(waits: list[Begun], seconds: float) -> list[Wait]:
    """Choose the waits to interrupt: the first one in each place, and the one halfway."""
    firsts = {(one.wait.function, one.stack): one.wait for one in reversed(waits)}
    begun = [one.wait for one in waits if one.began_s <= seconds / 2]
    return sorted({*firsts.values(), *begun[-1:]}, key=[one.wait for one in waits].index)
