"""Streams for a learner's decoder, and transcripts of what it made of them.

A decoder is used where the learner's code runs, in the thread of a trial. It is fed what `recv()`
returns on a real connection, piece by piece, and a `Transcript` keeps its messages for the probe.
"""

import socket
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any, NamedTuple, Protocol

from sockets_lab.exercises.harness.runner import Failed, NotStarted, Sandbox, described
from sockets_lab.framing import encode_length
from sockets_lab.peers import Outcome, PeerResult, finish

__all__ = [
    "Feedable",
    "MakeDecoder",
    "Transcript",
    "caller_of",
    "cpu_seconds",
    "decode",
    "decode_in_turns",
    "expect_peer_outcome",
    "peak_memory",
]

_CHUNK = 4096
_PEER_S = 1.0
_LONGEST_SHOWN, _MOST_SHOWN = 24, 4  # characters of a message; messages
_HINT_LIST = "return a list from every feed(), an empty one while no message is complete"
_HINT_TEXT = "a message is text (str): decode its bytes when they are all there"


class Feedable(Protocol):
    """What the learner writes."""

    def feed(self, data: bytes | bytearray) -> list[str]:
        """Take the next bytes of the stream; return the messages that they complete."""

    def end(self) -> None:
        """Note the end of the stream."""


MakeDecoder = Callable[[], Feedable]


def caller_of(make: MakeDecoder) -> Callable[[Callable[[MakeDecoder], Any]], Any]:
    """Return the learner's class as a function to be tried: it calls a function with the class."""
    return lambda use: use(make)


class Transcript:
    """What a decoder returned for each feed(); `error` is the ValueError of the call `raised_by`.

    Any other exception is a mistake in the learner's code, and is left to the trial.
    """

    def __init__(self) -> None:
        self.given: list[Any] = []
        self.error: ValueError | None = None
        self.raised_by = ""

    def follow(self, decoder: Feedable, pieces: Iterable[bytes | bytearray], to_end: bool) -> None:
        """Feed `pieces`, and with `to_end` the end of the stream."""
        self.raised_by = "feed()"
        try:
            for piece in pieces:
                self.given.append(decoder.feed(piece))
            self.raised_by = "end()"
            if to_end:
                decoder.end()
        except ValueError as error:
            self.error = error

    def expect(self, *messages: str) -> None:
        """Raise Failed unless exactly these messages came, and no error."""
        if self.error is not None:
            raise Failed(f"{self.raised_by} raised {described(self.error)}")
        self._expect_messages(messages)

    def expect_refusal(self, otherwise: str, hint: str = "") -> None:
        """Raise Failed unless feed() raised ValueError; `otherwise` says what it did instead."""
        if self.error is None:
            raise Failed(otherwise, hint)

    def expect_truncated(self, *messages: str) -> None:
        """Raise Failed unless these messages came, and then end() raised ValueError."""
        if self.error is not None and self.raised_by == "feed()":
            raise Failed(f"feed() raised {described(self.error)}")
        self._expect_messages(messages)
        if self.error is None:
            raise Failed("end() raised nothing")

    def _expect_messages(self, expected: Sequence[str]) -> None:
        messages = self._messages()
        if messages != list(expected):
            raise Failed(_in_words(messages))

    def _messages(self) -> list[str]:
        for given in self.given:
            if not isinstance(given, list | tuple):
                kind = "None" if given is None else f"a {type(given).__name__}"
                raise Failed(f"feed() returned {kind}, not a list", _HINT_LIST)
        messages = [message for given in self.given for message in given]
        for message in messages:
            if not isinstance(message, str):
                raise Failed(f"a message came as {type(message).__name__}", _HINT_TEXT)
        return messages


def _in_words(messages: Sequence[str]) -> str:
    """Return messages in words, short enough for a report."""
    if not messages:
        return "no message"
    words = ", ".join(map(_short, messages[:_MOST_SHOWN]))
    left = len(messages) - _MOST_SHOWN
    return f"{words} and {left} more" if left > 0 else words


def _short(message: str) -> str:
    if len(message) > _LONGEST_SHOWN:
        return f"a text of {len(message)} characters"
    return repr(message)


def decode(
    sandbox: Sandbox,
    pieces: Sequence[bytes],
    *,
    to_end: bool = False,
    into: bytearray | None = None,
) -> Transcript:
    """Send a stream through a real connection; feed it to a decoder in these pieces.

    Everything is sent before it is received, so that the sizes given to `recv()` cut the stream,
    not chance. With `to_end`, the client ends its stream, and the decoder's end() is called. With
    `into`, all pieces come in that one buffer, which is as large as each of them.

    Raises NotStarted when the learner's class has no results at all.
    """
    connection = _sent(sandbox, b"".join(pieces), to_end=to_end)
    received = _received(connection, [len(piece) for piece in pieces], into)
    transcript = Transcript()

    def use(make: MakeDecoder) -> bool:
        decoder = make()
        if _is_something(decoder):
            transcript.follow(decoder, received, to_end)
        return _is_something(decoder)

    started = sandbox.call(use)
    if not started or (transcript.given and not any(map(_is_something, transcript.given))):
        raise NotStarted
    return transcript


def _is_something(value: object) -> bool:
    """Return False for what a body returns that is not written yet."""
    return value is not None and value is not ...


def _sent(sandbox: Sandbox, stream: bytes, *, to_end: bool) -> socket.socket:
    """Return a connection where all of `stream` can be received."""
    client, connection = sandbox.connected()
    client.sendall(stream)
    if to_end:
        finish(client)
    return connection


def _received(
    connection: socket.socket, sizes: Iterable[int], into: bytearray | None = None
) -> Iterator[bytes | bytearray]:
    for size in sizes:
        piece = _whole(connection, size)
        if piece and into is None:
            yield piece
        elif piece and into is not None:
            into[:] = piece
            yield into


def _whole(connection: socket.socket, size: int) -> bytes:
    """Return `size` bytes, or what is left of the stream, however many recv() that takes."""
    piece = b""
    while len(piece) < size and (chunk := connection.recv(size - len(piece))):
        piece += chunk
    return piece


def decode_in_turns(sandbox: Sandbox, streams: Sequence[bytes], size: int = 6) -> list[Transcript]:
    """Feed each stream to its own decoder, in turns, a piece of `size` bytes each."""
    connections = [_sent(sandbox, stream, to_end=True) for stream in streams]
    transcripts = [Transcript() for _ in streams]

    def use(make: MakeDecoder) -> None:
        decoders = [make() for _ in streams]
        for _ in range(0, max(map(len, streams)), size):
            turns = zip(transcripts, decoders, connections, strict=True)
            for transcript, decoder, connection in turns:
                transcript.follow(decoder, _received(connection, [size]), to_end=False)

    sandbox.call(use)
    return transcripts


def expect_peer_outcome(
    sandbox: Sandbox, peer: Callable[..., PeerResult], text: str, outcome: Outcome, **options: float
) -> None:
    """Raise Failed unless `peer` has this `outcome` with a server that replies in capitals.

    The server is ours, with the learner's decoder in it: a small loop around recv().
    """
    listener = sandbox.listener()
    trial = sandbox.start(lambda make: _serve(listener, make()))
    request, reply = (encode_length(each.encode()) for each in (text, text.upper()))
    result = peer(listener.getsockname(), request, reply, deadline_s=_PEER_S, **options)
    trial.result()  # the peer has left, so the server ends; a mistake in the code says more
    if result.outcome != outcome:
        raise Failed(str(result))


def _serve(listener: socket.socket, decoder: Feedable) -> None:
    connection, _ = listener.accept()
    with connection:
        try:
            while piece := connection.recv(_CHUNK):
                for text in decoder.feed(piece):
                    connection.sendall(encode_length(text.upper().encode()))
            decoder.end()
        except ValueError:  # the peer broke the protocol: close
            return


def peak_memory(sandbox: Sandbox, stream: bytes) -> tuple[int, Transcript]:
    """Feed a stream to a decoder as it comes; return how many bytes of memory that took at most.

    What feed() returns is dropped immediately, as by a server that has answered it. The transcript
    has only what was raised.
    """
    client, connection = sandbox.connected()
    transcript = Transcript()

    def use(make: MakeDecoder) -> int:
        decoder = _Forgetful(make())
        with _highest_rise() as rise:
            transcript.follow(decoder, _all_of(connection, len(stream)), to_end=False)
        return rise[0]

    trial = sandbox.start(use)
    trial.write_all(client, stream)
    return trial.result(), transcript


class _Forgetful(NamedTuple):
    """A decoder whose messages are dropped."""

    decoder: Feedable

    def feed(self, data: bytes | bytearray) -> list[str]:
        self.decoder.feed(data)
        return []

    def end(self) -> None:
        self.decoder.end()


def _all_of(connection: socket.socket, nbytes: int) -> Iterator[bytes]:
    while nbytes and (piece := connection.recv(min(_CHUNK, nbytes))):
        nbytes -= len(piece)
        yield piece


@contextmanager
def _highest_rise() -> Iterator[list[int]]:
    """Measure how far Python's memory rises in the block at most, in bytes: a list of one."""
    rise: list[int] = []
    begun_here = not tracemalloc.is_tracing()
    if begun_here:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        yield rise
        rise.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        if begun_here:
            tracemalloc.stop()


class _Eater(Protocol):
    def feed(self, data: bytes) -> object: ...


def cpu_seconds(
    make: Callable[[], _Eater], pieces: Sequence[bytes], *, at_most_s: float = inf
) -> float:
    """Return the CPU seconds that a decoder needs for `pieces`; inf if more than `at_most_s`.

    They are this thread's time on a processor, which other work of the machine does not change.
    """
    decoder, began = make(), time.thread_time()
    for number, piece in enumerate(pieces):
        decoder.feed(piece)
        if number % 64 == 0 and time.thread_time() - began > at_most_s:
            return inf
    return time.thread_time() - began
