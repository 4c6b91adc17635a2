"""What a peer saw, in words that are the same on every run."""

from typing import Final, Literal, NamedTuple

__all__ = ["OUTCOMES", "Outcome", "PeerResult"]

Outcome = Literal["replied", "torn", "reset", "timed out", "closed", "refused", "taken"]

OUTCOMES: Final[dict[Outcome, str]] = {
    "replied": "the whole reply came",
    "torn": "the stream ended inside the reply, or other bytes came",
    "reset": "the connection was reset: ECONNRESET, or EPIPE",
    "timed out": "the deadline passed before any of the others",
    "closed": "the stream ended, and not one byte had come",
    "refused": "nobody listens there: ECONNREFUSED",
    "taken": "all that was to be sent was taken, and no reply was waited for",
}

_COUNTED = 1024  # bytes; fewer come in one piece, how many of more have come differs each time


class PeerResult(NamedTuple):
    """What one conversation came to.

    peer: the peer's name in words, such as "one byte at a time"
    sent: bytes that the kernel took from it; how many of them arrived, a client cannot know
    received: the bytes that came, in the order in which they came

    outcome is one of `OUTCOMES`, and exactly one of these applies:

    - "replied": the reply that was expected came, whole, and nothing behind it. Where none was
      expected (`reply=None`): at least one byte came, and then the end of the stream.
    - "torn": other bytes came than expected, or more of them, or the stream ended inside the reply.
      Where none was expected: more came than a peer takes (16 MiB).
    - "reset": a call failed with ECONNRESET or EPIPE before the whole reply had come. `aborts` sees
      it always, for it resets the connection itself.
    - "timed out": the deadline passed first: while connecting, because nobody took what was sent,
      or because the reply or the end of the stream was missing. `never_reads` sees it when the
      server holds it off.
    - "closed": the stream ended (`recv()` gave b""), and not one byte had come.
    - "refused": connect() failed with ECONNREFUSED.
    - "taken": of `never_reads` only: all was taken from it, and it closed without a look.

    `str(seen)` and `repr(seen)` are both the words: "one byte at a time: replied, 5 bytes".
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
