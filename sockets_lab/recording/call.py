"""One recorded call, in words and in roles."""

import time
from collections.abc import Mapping
from typing import Protocol

from sockets_lab.recording.journal import (
    ENDED,
    ERROR,
    KNOWN,
    NAME,
    STARTED,
    STATES,
    THREAD,
    Entry,
)
from sockets_lab.recording.threads import Threads
from sockets_lab.recording.wording import arguments_of, nbytes_of, result_of
from sockets_lab.roles import Roles

__all__ = ["Call", "Recorder"]


class Recorder(Protocol):
    """What a call asks of the recording it belongs to."""

    began_ns: int

    @property
    def roles(self) -> Roles: ...

    @property
    def thread_names(self) -> Threads: ...


class Call:
    """One call on one socket. It goes on being filled in while the call still waits.

    number: from 1, in the order in which the calls began. str(call) is the same on every run:
    "client 1: recv(10) -> 5 bytes", "listener: bind(127.0.0.1, port 80) !! EACCES".
    """

    __slots__ = ("_entry", "_recording", "number")

    def __init__(self, number: int, entry: Entry, recording: Recorder) -> None:
        self.number = number
        self._entry = entry
        self._recording = recording

    @property
    def thread(self) -> str:
        """Who called: "notebook" for the main thread, the thread's given name, or "thread 1"."""
        return self._recording.thread_names[self._entry[THREAD]]

    @property
    def name(self) -> str:
        """The name of the method; "socket" where one is made."""
        return str(self._entry[NAME])

    @property
    def role(self) -> str:
        """The socket, by the part it turned out to play."""
        return str(self._entry[KNOWN].role)

    @property
    def arguments(self) -> str:
        """The arguments in words."""
        return arguments_of(self._entry, self._recording.roles)

    @property
    def result(self) -> str:
        """What came back, in words; "" for None, after an error and while the call waits."""
        if self.error is not None or not self.finished:
            return ""
        return result_of(self._entry, self._recording.roles)

    @property
    def error(self) -> str | None:
        """The errno's name ("ECONNREFUSED"), "timed out" or the error's class; None without one."""
        return None if self._entry[ERROR] is None else str(self._entry[ERROR])

    @property
    def nbytes(self) -> int | None:
        """Bytes of data moved; None for calls that move none, after an error, while it waits."""
        return nbytes_of(self._entry) if self.finished and self.error is None else None

    @property
    def finished(self) -> bool:
        """Whether the call has returned."""
        return bool(self._entry[ENDED])

    @property
    def started_s(self) -> float:
        """Seconds from the start of the recording to that of the call."""
        return float(self._entry[STARTED] - self._recording.began_ns) / 1e9

    @property
    def waited_s(self) -> float:
        """Seconds from the call to its return, or until now while it waits."""
        ended = self._entry[ENDED] or time.perf_counter_ns()
        return float(ended - self._entry[STARTED]) / 1e9

    @property
    def states(self) -> Mapping[str, str] | None:
        """The kernel's state of every socket after the call, by role; None if it was not asked."""
        snapshot = self._entry[STATES]
        if snapshot is None:
            return None
        now_called = self._recording.roles.now_called
        return {now_called(view.role): view.state for view in snapshot.views}

    def __str__(self) -> str:
        said = f"{self.role}: {self.name}({self.arguments})"
        if not self.finished:
            return f"{said} ... still waiting"
        if self.error is not None:
            return f"{said} !! {self.error}"
        return f"{said} -> {self.result}" if self.result else said

    def __repr__(self) -> str:
        return f"<Call {self.number}: {self}>"
