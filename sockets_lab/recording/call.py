"""One recorded call, in words and in roles."""

import time
from collections.abc import Mapping
from threading import Thread
from typing import Protocol

from sockets_lab.recording.journal import Entry, Failure
from sockets_lab.recording.wording import arguments_of, nbytes_of, result_of
from sockets_lab.roles import Roles

__all__ = ["Call", "Recorder"]


class Recorder(Protocol):
    """What a call asks of the recording that it belongs to."""

    began_ns: int

    @property
    def roles(self) -> Roles: ...

    def name_of_thread(self, thread: Thread) -> str: ...

    def as_it_is_now(self, entry: Entry) -> Entry: ...

    def states_after(self, entry: Entry) -> Mapping[str, str] | None: ...


class Call:
    """One call on one socket. A call that waits is filled in when it returns.

    number: from 1, in the order in which the calls began. str(call) is the same on every run:
    "client 1: recv(10) -> 5 bytes", "listener: bind(127.0.0.1, port 80) !! EACCES".
    """

    __slots__ = ("_recording", "_was", "number")

    def __init__(self, number: int, entry: Entry, recording: Recorder) -> None:
        self.number = number
        self._was = entry
        self._recording = recording

    @property
    def thread(self) -> str:
        """Who called: "notebook" for the main thread, the thread's given name, or "thread 1"."""
        return self._recording.name_of_thread(self._was.thread)

    @property
    def name(self) -> str:
        """The name of the method; "socket" where one is made."""
        return self._was.name

    @property
    def role(self) -> str:
        """The socket, by the part that it turned out to play."""
        return self._was.known.role

    @property
    def arguments(self) -> str:
        """The arguments in words."""
        return arguments_of(self._was, self._recording.roles)

    @property
    def finished(self) -> bool:
        """Whether the call has returned."""
        return self._entry.ended > 0

    @property
    def result(self) -> str:
        """What came back, in words; "" for None, after an error and while the call waits."""
        entry = self._entry
        failed = isinstance(entry.result, Failure)
        return "" if failed or not entry.ended else result_of(entry, self._recording.roles)

    @property
    def error(self) -> str | None:
        """The errno's name ("ECONNREFUSED"), "timed out" or the error's class; None without one."""
        result = self._entry.result
        return result.error if isinstance(result, Failure) else None

    @property
    def nbytes(self) -> int | None:
        """Bytes of data moved; None for calls that move none, after an error, while it waits."""
        entry = self._entry
        failed = isinstance(entry.result, Failure)
        return None if failed or not entry.ended else nbytes_of(entry)

    @property
    def started_s(self) -> float:
        """Seconds from the start of the recording to that of the call."""
        return (self._was.started - self._recording.began_ns) / 1e9

    @property
    def waited_s(self) -> float:
        """Seconds from the call to its return, or until now while it waits."""
        return ((self._entry.ended or time.perf_counter_ns()) - self._was.started) / 1e9

    @property
    def states(self) -> Mapping[str, str] | None:
        """The kernel's state of every socket after the call, by role; None if it was not asked."""
        return self._recording.states_after(self._was)

    @property
    def _entry(self) -> Entry:
        self._was = self._recording.as_it_is_now(self._was)
        return self._was

    def __str__(self) -> str:
        said = f"{self.role}: {self.name}({self.arguments})"
        if not self.finished:
            return f"{said} ... still waiting"
        if self.error is not None:
            return f"{said} !! {self.error}"
        return f"{said} -> {self.result}" if self.result else said

    def __repr__(self) -> str:
        return f"<Call {self.number}: {self}>"
