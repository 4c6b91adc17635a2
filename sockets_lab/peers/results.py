"""Results of peers, in words that are the same on every run."""

from typing import Final, Literal, NamedTuple

__all__ = ["OUTCOMES", "Outcome", "PeerResult"]

Outcome = Literal["replied", "torn", "reset", "timed out", "closed", "refused", "taken"]

OUTCOMES: Final[dict[Outcome, str]] = {
    "replied": "the whole reply came",
    "torn": "the stream ended inside the reply, or other bytes came",
    "reset": "the connection was reset: ECONNRESET, or EPIPE",
    "timed out": "the deadline passed before any of the others",
    "closed": "the stream ended, and not one byte had come",
    "refused": "no listener at this address: ECONNREFUSED",
    "taken": "the server accepted every byte; the peer did not wait for a reply",
}

_COUNTED = 1024  # bytes; fewer arrive in one piece, the number of more varies from run to run


class PeerResult(NamedTuple):
    """Result of one connection.

    peer: the peer's name in words, such as "one byte at a time"
    sent: bytes that the kernel accepted from it; a client cannot know how many of them arrived
    received: the bytes that came, in order

    outcome is one of `OUTCOMES`, and exactly one of these applies:

    - "replied": the whole expected reply came, and nothing after it. Where none was
      expected (`reply=None`): at least one byte came, and then the end of the stream.
    - "torn": other bytes came than expected, or more of them, or the stream ended inside the reply.
      Where none was expected: more came than a peer reads (16 MiB).
    - "reset": a call failed with ECONNRESET or EPIPE before the whole reply had come. `aborts` sees
      it always, as it resets the connection itself.
    - "timed out": the deadline passed first: while connecting, because the server did not read,
      or because the reply or the end of the stream was missing. `never_reads` sees it when the
      server stops reading.
    - "closed": the stream ended (`recv()` gave b""), and not one byte had come.
    - "refused": connect() failed with ECONNREFUSED.
    - "taken": of `never_reads` only: every byte was accepted, and it closed without reading.

    `str(result)` and `repr(result)` are the same words: "one byte at a time: replied, 5 bytes".
    """

    peer: str
    outcome: Outcome
    sent: int
    received: bytes

    def __str__(self) -> str:
        return f"{self.peer}: {self.outcome}{self._amount()}"

    def __repr__(self) -> str:
        return str(self)

    def _amount(self) -> str:
        nbytes = len(self.received)
        if nbytes == 0:
            return ""
        if self.outcome != "replied" and nbytes > _COUNTED:
            return f", more than {_COUNTED} bytes"
        return f", {nbytes} byte{'s' * (nbytes != 1)}"
