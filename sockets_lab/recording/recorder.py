"""`with record() as recording:` every socket call that Python code makes inside."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from types import CodeType, TracebackType
from typing import ClassVar, overload

from sockets_lab.interrupts import InterruptGuard, deliver_interrupt, uninterruptible
from sockets_lab.recording.call import Call
from sockets_lab.recording.journal import Entry, Journal
from sockets_lab.recording.patches import Patches
from sockets_lab.recording.threads import Threads
from sockets_lab.roles import Remembered, Roles

__all__ = ["Recording", "record"]

_LANES = ("client", "listener", "connection")  # others come after them


class _Desk:
    """What is shared by the recordings that run: the journal they all read and the patches."""

    lock = threading.RLock()
    running: ClassVar[list["Recording"]] = []
    journal = Journal()
    patches = Patches(journal)


def record(*, states: bool = False) -> "Recording":
    """Record the socket calls that Python code makes in the block, in every thread and in asyncio.

    states: ask the kernel after each call for the state of every socket met so far; this takes
    some milliseconds a call.

    Gives a Recording, for `with record() as recording:`. Sockets stay plain `socket.socket`
    objects: while at least one recording runs, methods of that class are shadowed by ones that
    write the call down and pass it on; afterwards the class is as it was, also after an error or
    an interrupt. Recordings may be nested and may run in several threads at once; each has the
    calls of all threads. Errors go through untouched.

    Left out are calls made inside C code (TLS in `ssl`, child processes), methods that were bound
    before the block, and what `sockets_lab.recording.callers` takes for machinery.
    """
    return Recording(states=states)


class Recording(Sequence[Call]):
    """The calls made while it ran, in the order in which they began: iteration, len, index, slice.

    str() gives a line a call; thread by thread if several took part, for the order between threads
    is not the same on every run. A call that still waits when the recording ends is not `finished`,
    and is filled in when it returns. Sockets are not kept alive.
    """

    def __init__(self, *, states: bool = False) -> None:
        self.began_ns = 0
        self._states = states
        self._journal = _Desk.journal
        self._start = 0
        self._entries: list[Entry] | None = None
        self._threads = Threads(())
        self._guard = InterruptGuard()

    @uninterruptible
    def __enter__(self) -> "Recording":
        if self.began_ns:
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
        with _Desk.lock:
            if not _Desk.running:
                _Desk.journal = Journal()
                _Desk.patches = Patches(_Desk.journal)
                _Desk.patches.put()
            self._journal = _Desk.journal
            self._start = len(self._journal.written)
            self.began_ns = time.perf_counter_ns()
            _Desk.running.append(self)
            if self._states:
                self._journal.watchers.append(self)

    def _end(self) -> None:
        with _Desk.lock:
            self._entries = self._written()
            if self in _Desk.running:
                _Desk.running.remove(self)
            if self in self._journal.watchers:
                self._journal.watchers.remove(self)
            if not _Desk.running:
                _Desk.patches.take_off()
                _Desk.journal.close()

    @property
    def roles(self) -> Roles:
        """The names of the sockets; shared by recordings that overlap."""
        return self._journal.roles

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls so far."""
        return tuple(Call(number, entry, self) for number, entry in enumerate(self._written(), 1))

    @property
    def threads(self) -> tuple[str, ...]:
        """The threads that made calls: "notebook" first, then the others by name."""
        self._threads = Threads(entry.thread for entry in self._written())
        return tuple(sorted(self._threads.values(), key=_in_order))

    def of(self, who: "str | socket.socket") -> tuple[Call, ...]:
        """The calls on one socket, given as itself or by its role."""
        role = who if isinstance(who, str) else self.roles.of(who)
        return tuple(call for call in self.calls if call.role == role)

    def lanes(self) -> tuple[str, ...]:
        """The roles that made calls, in drawing order: clients, listener, connections, others."""
        known = dict.fromkeys(entry.known for entry in self._written())
        return tuple(each.role for each in sorted(known, key=_lane))

    def name_of_thread(self, thread: threading.Thread) -> str:
        """The name of a thread that made calls."""
        if thread not in self._threads:
            self._threads = Threads(entry.thread for entry in self._written())
        return self._threads[thread]

    def as_it_is_now(self, entry: Entry) -> Entry:
        """`entry`, or what it became if the call waited and has returned."""
        return self._journal.now(entry)

    def states_after(self, entry: Entry) -> Mapping[str, str] | None:
        """The kernel's states after a call, by what the sockets are called now."""
        snapshot = self._journal.states.get(entry.key) if self._states else None
        if snapshot is None:
            return None
        return {self.roles.now_called(view.role): view.state for view in snapshot.views}

    def __len__(self) -> int:
        return len(self._written())

    def __iter__(self) -> Iterator[Call]:
        return iter(self.calls)

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Call, ...]: ...
    def __getitem__(self, index: int | slice) -> Call | tuple[Call, ...]:
        return self.calls[index]

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
        by_thread: dict[str, list[Call]] = {name: [] for name in self.threads}
        for call in self.calls:
            by_thread[call.thread].append(call)
        return list(by_thread.items())

    def _written(self) -> list[Entry]:
        if self._entries is not None:
            return self._entries
        return self._journal.entries(self._start, self.began_ns)


def _prune(traceback: TracebackType | None, codes: set[CodeType]) -> None:
    """Take the patched methods out of the traceback that the learner is about to see."""
    while traceback is not None:
        below = traceback.tb_next
        if below is not None and below.tb_frame.f_code in codes:
            traceback.tb_next = below.tb_next
        else:
            traceback = below


def _in_order(name: str) -> tuple[bool, str, int]:
    """ "notebook" before others, and "thread 2" before "thread 10"."""
    words, _, number = name.rpartition(" ")
    return name != "notebook", *((words, int(number)) if number.isdigit() else (name, 0))


def _lane(known: Remembered) -> tuple[int, str, int]:
    part = _LANES.index(known.part) if known.part in _LANES else len(_LANES)
    return part, known.part, known.number


def _row(thread: str, call: Call) -> str:
    result = f"!! {call.error}" if call.error else call.result
    result = result if call.finished else "still waiting"
    cells = (thread, call.role, f"{call.name}({call.arguments})", result)
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
