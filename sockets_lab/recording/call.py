"""One recorded call, in words and in roles."""

from collections.abc import Mapping
from time import perf_counter_ns
from typing import NamedTuple

from sockets_lab.recording.journal import Entry, Failure
from sockets_lab.recording.wording import arguments_of, nbytes_of, result_of
from sockets_lab.roles import Roles

__all__ = ["Call", "call_of"]


class Call(NamedTuple):
    """One call on one socket, as it was when the recording was asked.

    number: from 1, in the order in which the calls began.
    role: the socket, by the part that it plays; name: the method, "socket" where one is made.
    arguments: in words. result: in words; "" for None, after an error and while the call waits.
    error: the errno's name ("ECONNREFUSED"), "timed out" or the error's class; None without one.
    nbytes: bytes of data moved; None for calls that move none, after an error, while it waits.
    thread: "notebook" for the main thread, the thread's given name, or "thread 1".
    started_s: seconds from the start of the recording to that of the call.
    waited_s: seconds until it returned; while it waits, until the recording was asked.
    finished: False while it waits; ask the recording again for news.
    states: the kernel's state of every socket after the call, by role; None if it was not asked.

    str(call) is the same on every run: "client 1: recv(10) -> 5 bytes",
    "listener: bind(127.0.0.1, port 80) !! EACCES".
    """

    number: int
    role: str
    name: str
    arguments: str = ""
    result: str = ""
    error: str | None = None
    nbytes: int | None = None
    thread: str = "notebook"
    started_s: float = 0.0
    waited_s: float = 0.0
    finished: bool = True
    states: Mapping[str, str] | None = None

    @property
    def ended_s(self) -> float:
        """Return the seconds from the start of the recording to the end of the call."""
        return self.started_s + self.waited_s

    @property
    def accepted(self) -> str | None:
        """Return the role of the connection that this `accept()` returned, None for others."""
        if self.name != "accept" or self.error or not self.finished:
            return None
        return self.result.partition(" from ")[0]

    def __str__(self) -> str:
        call = f"{self.role}: {self.name}({self.arguments})"
        if not self.finished:
            return f"{call} ... still waiting"
        if self.error is not None:
            return f"{call} !! {self.error}"
        return f"{call} -> {self.result}" if self.result else call

    def __repr__(self) -> str:
        return f"<Call {self.number}: {self}>"


def call_of(
    number: int,
    entry: Entry,
    roles: Roles,
    *,
    began_ns: int,
    thread: str,
    states: Mapping[str, str] | None,
) -> Call:
    """Return the record of one entry of the journal; `began_ns` is the start of the recording."""
    error = entry.result.error if isinstance(entry.result, Failure) else None
    succeeded = entry.ended > 0 and error is None
    return Call(
        number=number,
        role=entry.known.role,
        name=entry.name,
        arguments=arguments_of(entry, roles),
        result=result_of(entry, roles) if succeeded else "",
        error=error,
        nbytes=nbytes_of(entry) if succeeded else None,
        thread=thread,
        started_s=(entry.started - began_ns) / 1e9,
        waited_s=((entry.ended or perf_counter_ns()) - entry.started) / 1e9,
        finished=entry.ended > 0,
        states=states,
    )
