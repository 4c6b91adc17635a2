"""Streams for a learner's decoder, and what it made of them.

A scene runs where the learner's code runs, in the thread of a trial, and is handed a function that
makes a decoder. It feeds it what `recv()` gives of a real connection, piece by piece, and keeps
what came back for the probe to judge.
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
    "expect_messages",
    "expect_outcome",
    "expect_refusal",
    "expect_torn",
    "hear",
    "hear_in_turns",
    "memory_for",
    "scenes_with",
    "seconds_for",
]

_CHUNK = 4096
_PEER_S = 1.0
_LONGEST_SHOWN, _MOST_SHOWN = 24, 4  # characters of a message; messages
_HINT_LIST = "give back a list from every feed(), an empty one as long as no message is complete"
_HINT_TEXT = "a message is text (str): decode its bytes when they are all there"


class Feedable(Protocol):
    """What the learner writes."""

    def feed(self, data: bytes | bytearray) -> list[str]:
        """Take the next bytes of the stream; return the messages that they complete."""

    def end(self) -> None:
        """Take note of the end of the stream."""


MakeDecoder = Callable[[], Feedable]


def scenes_with(make: MakeDecoder) -> Callable[[Callable[[MakeDecoder], Any]], Any]:
    """Return the learner's class as a function to be tried: it plays a scene with it."""
    return lambda scene: scene(make)


class Transcript:
    """What a decoder gave back for each feed(); `error` is the ValueError of the call `raised_by`.

    Any other exception is a mistake of the learner's code, and is left to the trial.
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


def hear(
    bench: Sandbox,
    pieces: Sequence[bytes],
    *,
    to_end: bool = False,
    into: bytearray | None = None,
) -> Transcript:
    """Send a stream through a real connection; let a decoder hear it in these pieces.

    Everything is sent before it is received, so that the sizes given to `recv()` cut the stream,
    and no chance does. With `to_end`, the client ends its stream, and the decoder is told so. With
    `into`, all pieces come in that one buffer, which is as large as each of them.

    Raises NotStarted when the learner's class has no results at all.
    """
    connection = _sent(bench, b"".join(pieces), to_end=to_end)
    received = _received(connection, [len(piece) for piece in pieces], into)
    seen = Transcript()

    def scene(make: MakeDecoder) -> bool:
        decoder = make()
        if _is_something(decoder):
            seen.follow(decoder, received, to_end)
        return _is_something(decoder)

    started = bench.call(scene)
    if not started or (seen.given and not any(map(_is_something, seen.given))):
        raise NotStarted
    return seen


def _is_something(value: object) -> bool:
    """Tell a result from what a body gives that is not written yet."""
    return value is not None and value is not ...


def _sent(bench: Sandbox, stream: bytes, *, to_end: bool) -> socket.socket:
    """Return a connection where all of `stream` can be received."""
    listener = bench.listener()
    client = bench.client(listener)
    connection = bench.keep(listener.accept()[0])
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
    """Return `size` bytes, or what is left of the stream, in however many recv() they come."""
    piece = b""
    while len(piece) < size and (chunk := connection.recv(size - len(piece))):
        piece += chunk
    return piece


def hear_in_turns(bench: Sandbox, streams: Sequence[bytes], size: int = 6) -> list[Transcript]:
    """Let one decoder for each stream hear its own, by turns a piece of `size` bytes each."""
    connections = [_sent(bench, stream, to_end=True) for stream in streams]
    seen = [Transcript() for _ in streams]

    def scene(make: MakeDecoder) -> None:
        decoders = [make() for _ in streams]
        for _ in range(0, max(map(len, streams)), size):
            for transcript, decoder, connection in zip(seen, decoders, connections, strict=True):
                transcript.follow(decoder, _received(connection, [size]), to_end=False)

    bench.call(scene)
    return seen


def expect_outcome(
    bench: Sandbox, peer: Callable[..., PeerResult], text: str, outcome: Outcome, **options: float
) -> None:
    """Raise Failed unless `peer` sees `outcome` of a server that replies in capitals.

    The server is ours, with the learner's decoder in it: a small loop around recv().
    """
    listener = bench.listener()
    trial = bench.start(lambda make: _serve(listener, make()))
    request, reply = (encode_length(each.encode()) for each in (text, text.upper()))
    seen = peer(listener.getsockname(), request, reply, deadline_s=_PEER_S, **options)
    trial.result()  # the peer has left, so the server ends; a mistake in the code says more
    if seen.outcome != outcome:
        raise Failed(str(seen))


def _serve(listener: socket.socket, decoder: Feedable) -> None:
    connection, _ = listener.accept()
    with connection:
        try:
            while piece := connection.recv(_CHUNK):
                for text in decoder.feed(piece):
                    connection.sendall(encode_length(text.upper().encode()))
            decoder.end()
        except ValueError:  # the peer broke the rules: hang up
            return


def memory_for(bench: Sandbox, stream: bytes) -> tuple[int, Transcript]:
    """Let a decoder hear a stream as it comes; return the bytes taken meanwhile, at most.

    What feed() gives back is dropped at once, as by a server that has answered it. Only what is
    raised stands in the transcript.
    """
    listener = bench.listener()
    client = bench.client(listener)
    connection = bench.keep(listener.accept()[0])
    seen = Transcript()

    def scene(make: MakeDecoder) -> int:
        decoder = _Forgetful(make())
        with _highest_rise() as rise:
            seen.follow(decoder, _all_of(connection, len(stream)), to_end=False)
        return rise[0]

    trial = bench.start(scene)
    trial.write_all(client, stream)
    return trial.result(), seen


class _Forgetful(NamedTuple):
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


def seconds_for(
    make: Callable[[], _Eater], pieces: Sequence[bytes], *, at_most_s: float = inf
) -> float:
    """Return the seconds of work that a decoder needs for `pieces`; inf if more than `at_most_s`.

    They are this thread's time on a processor: what else the machine does changes nothing.
    """
    decoder, began = make(), time.thread_time()
    for number, piece in enumerate(pieces):
        decoder.feed(piece)
        if number % 64 == 0 and time.thread_time() - began > at_most_s:
            return inf
    return time.thread_time() - began


# What a transcript must say


def expect_messages(seen: Transcript, *expected: str) -> None:
    """Raise Failed unless these messages came, no others, and no error."""
    if seen.error is not None:
        raise Failed(f"{seen.raised_by} raised {described(seen.error)}")
    messages = _messages(seen)
    if messages != list(expected):
        raise Failed(_told(messages))


def expect_refusal(seen: Transcript, otherwise: str, hint: str = "") -> None:
    """Raise Failed unless feed() raised ValueError; `otherwise` says what it did instead."""
    if seen.error is None:
        raise Failed(otherwise, hint)


def expect_torn(seen: Transcript, *expected: str) -> None:
    """Raise Failed unless these messages came, and then end() raised ValueError."""
    if seen.error is not None and seen.raised_by == "feed()":
        raise Failed(f"feed() raised {described(seen.error)}")
    messages = _messages(seen)
    if messages != list(expected):
        raise Failed(_told(messages))
    if seen.error is None:
        raise Failed("end() raised nothing")


def _messages(seen: Transcript) -> list[str]:
    for given in seen.given:
        if not isinstance(given, list | tuple):
            raise Failed(f"feed() gave back {_kind(given)}, not a list", _HINT_LIST)
    messages = [message for given in seen.given for message in given]
    for message in messages:
        if not isinstance(message, str):
            raise Failed(f"a message came as {type(message).__name__}", _HINT_TEXT)
    return messages


def _kind(given: object) -> str:
    return "None" if given is None else f"a {type(given).__name__}"


def _told(messages: Sequence[str]) -> str:
    """Write messages so that a report stays short."""
    if not messages:
        return "no message"
    told = ", ".join(map(_short, messages[:_MOST_SHOWN]))
    left = len(messages) - _MOST_SHOWN
    return f"{told} and {left} more" if left > 0 else told


def _short(message: str) -> str:
    if len(message) > _LONGEST_SHOWN:
        return f"a text of {len(message)} characters"
    return repr(message)
