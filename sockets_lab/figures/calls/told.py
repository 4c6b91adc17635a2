"""Recorded calls as they stand now: a call that still waits goes on being filled in meanwhile."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

__all__ = ["CallRecord", "Told", "state_in_words", "told"]


class CallRecord(Protocol):
    """What a picture asks of a recorded call; `sockets_lab.recording.Call` has it all."""

    @property
    def number(self) -> int: ...
    @property
    def thread(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def arguments(self) -> str: ...
    @property
    def result(self) -> str: ...
    @property
    def error(self) -> str | None: ...
    @property
    def started_s(self) -> float: ...
    @property
    def waited_s(self) -> float: ...
    @property
    def nbytes(self) -> int | None: ...
    @property
    def finished(self) -> bool: ...
    @property
    def states(self) -> Mapping[str, str] | None: ...


class Told(NamedTuple):
    """One call, fixed; `said` is the whole of it in words."""

    number: int
    thread: str
    name: str
    role: str
    arguments: str
    result: str
    error: str | None
    started_s: float
    waited_s: float
    nbytes: int | None
    finished: bool
    states: Mapping[str, str]
    said: str

    @property
    def ended_s(self) -> float:
        return self.started_s + self.waited_s

    @property
    def accepted(self) -> str | None:
        """The connection that this `accept()` gave a descriptor to."""
        if self.name != "accept" or self.error or not self.finished:
            return None
        return self.result.partition(" from ")[0]


def told(calls: Iterable[CallRecord]) -> tuple[Told, ...]:
    """Return `calls` as they stand now."""
    return tuple(_told(call) for call in calls)


def _told(call: CallRecord) -> Told:
    finished = call.finished  # asked first: what comes after may know more, never less
    return Told(
        number=call.number,
        thread=call.thread,
        name=call.name,
        role=call.role,
        arguments=call.arguments,
        result=call.result if finished else "",
        error=call.error if finished else None,
        started_s=call.started_s,
        waited_s=call.waited_s,
        nbytes=call.nbytes if finished else None,
        finished=finished,
        states=call.states or {},
        said=str(call),
    )


def state_in_words(state: str) -> str:
    """Return a state as the words say it, the same on every run.

    Which FIN_WAIT it is depends on whether the peer's kernel has acknowledged the FIN already,
    which it may put off for 40 ms (delayed acknowledgement, RFC 9293, 3.8.6.3).
    """
    return "FIN_WAIT_1 or 2" if state in {"FIN_WAIT_1", "FIN_WAIT_2"} else state
