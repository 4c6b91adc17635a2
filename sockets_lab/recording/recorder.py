"""Record every socket call that Python code makes in a `with record() as recording:` block."""

import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from types import CodeType, TracebackType
from typing import Any, ClassVar, overload

from sockets_lab.interrupts import InterruptGuard, deliver_interrupt, uninterruptible
from sockets_lab.recording.call import Call, call_of
from sockets_lab.recording.journal import Entry, Journal
from sockets_lab.recording.patches import Patches
from sockets_lab.recording.threads import Threads
from sockets_lab.roles import Remembered, Roles

__all__ = ["Recording", "record"]

_LANES = ("client", "listener", "connection")  # the others come after them


class _Shared:
    """The state shared by the recordings that run: their journal and the patches."""

    lock = threading.RLock()
    running: ClassVar[list["Recording"]] = []
    journal = Journal()
    patches = Patches(journal)


def record(*, states: bool = False) -> "Recording":
    """Record the socket calls that Python code makes in the block, in every thread and in asyncio.

    states: after each call, ask the kernel for the state of every socket seen so far; this takes
    some milliseconds a call.

    Returns a Recording, for `with record() as recording:`. Sockets stay plain `socket.socket`
    objects: while at least one recording runs, methods of that class are shadowed by ones that
    record the call and pass it on; afterwards the class is restored, also after an error or an
    interrupt. Recordings may be nested and may run in several threads at the same time; each has
    the calls of all threads. Errors are passed on unchanged.

    Left out are calls made inside C code (TLS in `ssl`, child processes), methods that were bound
    before the block, and calls that `sockets_lab.recording.callers` attributes to tooling.
    """
    return Recording(states=states)


class Recording(Sequence[Call]):
    """The calls made while it ran, in the order in which they began: iteration, len, index, slice.

    str() has one line for each call; with several threads it goes thread by thread, since the order
    between threads is not the same on every run. A call that still waits when the recording ends is
    not `finished`; ask the recording again after it has returned. Sockets are not kept alive.
    """

    def __init__(self, *, states: bool = False) -> None:
        self._began_ns = 0
        self._states = states
        self._journal = _Shared.journal
        self._start = 0
        self._entries: list[Entry] | None = None
        self._made: tuple[tuple[object, ...], tuple[Call, ...]] = ((), ())  # version, calls
        self._guard = InterruptGuard()

    @uninterruptible
    def __enter__(self) -> "Recording":
        if self._began_ns:
            raise ValueError("this recording has been used: make a new one with record()")
        self._guard.hold()
        try:
            self._begin()
            deliver_interrupt()
        except BaseException:
            self._end()
            self._guard.release()
            raise
        return self

    @uninterruptible
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()
        _prune(traceback, self._journal.codes)
        self._guard.release()

    def _begin(self) -> None:
        with _Shared.lock:
            if not _Shared.running:
                _Shared.journal = Journal()
                _Shared.patches = Patches(_Shared.journal)
                _Shared.patches.apply()
            self._journal = _Shared.journal
            self._start = len(self._journal.written)
            self._began_ns = time.perf_counter_ns()
            _Shared.running.append(self)
            if self._states:
                self._journal.watchers.append(self)

    def _end(self) -> None:
        with _Shared.lock:
            self._entries = self._read()
            if self in _Shared.running:
                _Shared.running.remove(self)
            if self in self._journal.watchers:
                self._journal.watchers.remove(self)
            if not _Shared.running:
                _Shared.patches.remove()
                _Shared.journal.close()

    @property
    def roles(self) -> Roles:
        """Return the names of the sockets; recordings that overlap share them."""
        return self._journal.roles

    @property
    def calls(self) -> tuple[Call, ...]:
        """Return the calls so far. They do not change: ask again for news of one that waits."""
        entries = self._read()
        if not all(entry.ended for entry in entries):
            return self._make(entries)
        roles = tuple(known.role for known in self.roles.everything())
        version = len(entries), len(self._journal.states), roles
        if self._made[0] != version:
            self._made = version, self._make(entries)
        return self._made[1]

    @property
    def threads(self) -> tuple[str, ...]:
        """Return the threads that made calls: "notebook" first, then the others by name."""
        return tuple(sorted({call.thread for call in self.calls}, key=_thread_order))

    def of(self, who: "str | socket.socket") -> tuple[Call, ...]:
        """Return the calls on one socket, given as itself or by its role."""
        role = who if isinstance(who, str) else self.roles.of(who)
        return tuple(call for call in self.calls if call.role == role)

    def lanes(self) -> tuple[str, ...]:
        """Return the roles that made calls: clients, listeners, connections, then others."""
        known = dict.fromkeys(entry.known for entry in self._read())
        return tuple(each.role for each in sorted(known, key=_lane_order))

    def __len__(self) -> int:
        if self._entries is not None:
            return len(self._entries)
        return self._journal.count(self._start, self._began_ns)

    def __iter__(self) -> Iterator[Call]:
        return iter(self.calls)

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Call, ...]: ...
    def __getitem__(self, index: int | slice) -> Call | tuple[Call, ...]:
        return self.calls[index]

    def __reversed__(self) -> Iterator[Call]:
        return reversed(self.calls)

    def index(self, value: Any, start: int = 0, stop: int = sys.maxsize) -> int:
        """Return the position of a call; raise ValueError if it is not there."""
        return self.calls.index(value, start, stop)

    def __str__(self) -> str:
        threads = self._by_thread()
        if len(threads) < 2:
            return "\n".join(str(call) for _, calls in threads for call in calls) or "no calls"
        return "\n".join(
            "\n".join((f"{name}:", *(f"  {call}" for call in calls))) for name, calls in threads
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        threads = self._by_thread()
        rows = "".join(_row(name, call) for name, calls in threads for call in calls)
        heads = "".join(f"<th>{head}</th>" for head in ("thread", "socket", "call", "result"))
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"

    def _by_thread(self) -> list[tuple[str, list[Call]]]:
        calls = self.calls
        names = sorted({call.thread for call in calls}, key=_thread_order)
        return [(name, [call for call in calls if call.thread == name]) for name in names]

    def _read(self) -> list[Entry]:
        """Return the entries in order, as they are now: some may have returned after the end."""
        if self._entries is None:
            return self._journal.entries(self._start, self._began_ns)
        return [self._journal.now(entry) for entry in self._entries]

    def _make(self, entries: list[Entry]) -> tuple[Call, ...]:
        names = Threads(entry.thread for entry in entries)
        return tuple(
            call_of(
                number,
                entry,
                self.roles,
                began_ns=self._began_ns,
                thread=names[entry.thread],
                states=self._states_after(entry),
            )
            for number, entry in enumerate(entries, 1)
        )

    def _states_after(self, entry: Entry) -> Mapping[str, str] | None:
        """Return the kernel's states after a call, by what the sockets are called now."""
        snapshot = self._journal.states.get(entry.key) if self._states else None
        if snapshot is None:
            return None
        return {self.roles.now_called(view.role): view.state for view in snapshot.views}


def _prune(traceback: TracebackType | None, codes: set[CodeType]) -> None:
    """Remove the patched methods from the traceback that the learner is about to see."""
    while traceback is not None:
        below = traceback.tb_next
        if below is not None and below.tb_frame.f_code in codes:
            traceback.tb_next = below.tb_next
        else:
            traceback = below


def _thread_order(name: str) -> tuple[bool, str, int]:
    """Return a sort key: "notebook" before others, and "thread 2" before "thread 10"."""
    words, _, number = name.rpartition(" ")
    return name != "notebook", *((words, int(number)) if number.isdigit() else (name, 0))


def _lane_order(known: Remembered) -> tuple[int, str, int]:
    part = _LANES.index(known.part) if known.part in _LANES else len(_LANES)
    return part, known.part, known.number


def _row(thread: str, call: Call) -> str:
    result = f"!! {call.error}" if call.error else call.result
    result = result if call.finished else "still waiting"
    cells = (thread, call.role, f"{call.name}({call.arguments})", result)
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
