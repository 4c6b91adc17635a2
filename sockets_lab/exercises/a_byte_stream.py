"""Chapter 04: an incremental length-prefix decoder, under hostile splits and oversize claims.

The learner writes `class Decoder` with `feed(data) -> list[str]` and `end()`. A message is UTF-8
text with its length before it, in bytes, as four bytes in network byte order; it may have `LIMIT`
bytes. ValueError says that the peer broke this: a longer claim (at once, by `feed`), bytes that are
not UTF-8, a stream that ends inside a message (by `end`).

The bytes come from real connections, cut by `recv()` at the same places on every run. How much is
held, and how long it takes, is compared with what is needed: with the limit, and with the time of
`sockets_lab.framing.LengthDecoder` for the same bytes.
"""

import struct
from itertools import pairwise
from typing import Final

from sockets_lab.exercises.harness.decoding import (
    MakeDecoder,
    expect_messages,
    expect_outcome,
    expect_refusal,
    expect_torn,
    hear,
    hear_in_turns,
    memory_for,
    scenes_with,
    seconds_for,
)
from sockets_lab.exercises.harness.runner import Failed, Report, Sandbox, behaviour, described, run
from sockets_lab.framing import LengthDecoder, encode_length
from sockets_lab.peers import claims_a_huge_length, glued, one_byte_at_a_time, well_behaved

__all__ = ["LIMIT", "check_decoder"]

LIMIT: Final = 65_536  # bytes of one message, as the notebook says

_TEXT = "Hello, server."
_MIXED = "naïve café, 10 € 😀"  # characters of one, two, three and four bytes
_LARGE_CLAIM = 64 << 20  # to be seen in memory, and yet to hurt no machine
_HIGHEST_CLAIM = 0xFFFF_FFFF
_MEMORY = 2 * LIMIT  # bytes: for all that is held, and copied on the way
_STREAM_BYTES = 1 << 19
_TIMES_SLOWER = 50
_HINT_FOLLOWS = "this follows from what is said above: mend that first"
_LEAST_S = 0.02  # on Windows the clock of a thread takes steps of 16 ms


def check_decoder(decoder: MakeDecoder) -> Report:
    """Try the class `decoder` with streams cut in many ways; return what it made of each.

    Raises TypeError when it is neither a class nor a function that makes a decoder.
    """
    if not callable(decoder):
        raise TypeError(f"give the class itself, as in check_decoder(Decoder), not {decoder!r}")
    return run("Decoder", _BEHAVIOURS, scenes_with(decoder), over_ipv6=_OVER_IPV6)


@behaviour(
    "reads a message",
    expected=f"{_TEXT!r}",
    hint="the first four bytes tell how many bytes of text follow, the most significant byte "
    "first: struct.unpack('!I', ...)",
)
def _one_message(bench: Sandbox) -> None:
    expect_messages(hear(bench, [_encoded(_TEXT)]), _TEXT)


@behaviour(
    "reads several messages out of one recv()",
    expected="'one', 'two', 'three'",
    hint="recv() knows of no messages, and one feed() can complete many: go on as long as a whole "
    "one is held",
)
def _glued(bench: Sandbox) -> None:
    expect_messages(hear(bench, [_encoded("one", "two", "three")]), "one", "two", "three")


@behaviour(
    "keeps what came behind a message",
    expected="'one', 'two', although the first recv() ended inside 'two'",
    hint="what is left behind a message belongs to the next one: keep it for the next feed()",
)
def _leftovers(bench: Sandbox) -> None:
    expect_messages(hear(bench, _cut(_encoded("one", "two"), 12)), "one", "two")


@behaviour(
    "waits for the rest of a length",
    expected="'one', 'two', although each length came in two pieces",
    hint="the four bytes of a length can be torn like any others: read it when all four are held",
)
def _length_torn(bench: Sandbox) -> None:
    expect_messages(hear(bench, _cut(_encoded("one", "two"), 1, 7, 10)), "one", "two")


@behaviour(
    "reads a stream that comes byte by byte",
    expected="'one' with byte 7, 'two' with byte 14",
    hint="keep what is not complete in the object, and give back a message with its last byte: "
    "there can be many calls of feed() for one message",
)
def _byte_by_byte(bench: Sandbox) -> None:
    seen = hear(bench, _in_single_bytes(_encoded("one", "two")))
    expect_messages(seen, "one", "two")
    when = [number for number, given in enumerate(seen.given, start=1) if given]
    if when != [7, 14]:
        raise Failed(f"they came with byte {' and '.join(map(str, when))}")


@behaviour(
    "counts bytes, not characters",
    expected="'é€😀', 'next'",
    hint="the length counts bytes, and '€' is one character of three: cut the bytes first, decode "
    "what you have cut off",
)
def _counts_bytes(bench: Sandbox) -> None:
    expect_messages(hear(bench, [_encoded("é€😀", "next")]), "é€😀", "next")


@behaviour(
    "keeps characters whole",
    expected=f"{_MIXED!r}, wherever the stream is cut",
    hint="a character can have several bytes, and a piece can end between them: decode a message "
    "when all its bytes are there, not piece by piece",
)
def _characters_torn(bench: Sandbox) -> None:
    stream = _encoded(_MIXED)
    for cut in range(5, len(stream)):
        expect_messages(hear(bench, _cut(stream, cut)), _MIXED)


@behaviour(
    "reads an empty message",
    expected="'one', '', 'two'",
    hint="a length of 0 is a message without text: it is neither the end of the stream nor nothing",
)
def _empty_message(bench: Sandbox) -> None:
    expect_messages(hear(bench, [_encoded("one", "", "two")]), "one", "", "two")


@behaviour(
    "keeps a copy of what it was fed",
    expected="'Hey!', although the caller fills the same bytearray again for each feed()",
    hint="the caller uses its buffer again, as recv_into() does: copy what you keep, with "
    "bytes(data) or +=",
)
def _buffer_used_again(bench: Sandbox) -> None:
    pieces = _cut(_encoded("Hey!"), 4)
    expect_messages(hear(bench, pieces, into=bytearray(4)), "Hey!")


@behaviour(
    "keeps two streams apart",
    expected="'for the first' from one decoder, 'for the second' from the other",
    hint="what is held belongs to one stream: make it in __init__, as self.something; what is made "
    "in the class, or outside of it, all decoders share",
)
def _two_streams(bench: Sandbox) -> None:
    texts = ("for the first", "for the second")
    both = hear_in_turns(bench, [_encoded(text) for text in texts])
    for seen, text in zip(both, texts, strict=True):
        expect_messages(seen, text)


@behaviour(
    "takes a message of LIMIT bytes",
    expected=f"a text of {LIMIT} characters",
    hint="LIMIT itself is allowed: only a length above it is too long",
)
def _at_the_limit(bench: Sandbox) -> None:
    text = "x" * LIMIT
    expect_messages(hear(bench, _cut(_encoded(text), 4, LIMIT)), text)


@behaviour(
    "refuses a longer one by its length",
    expected="ValueError from feed(), before any of the text has come",
    hint="compare the length with LIMIT as soon as it is there, and raise ValueError: who waits "
    "for the text waits as long as the peer likes",
)
def _above_the_limit(bench: Sandbox) -> None:
    for claim in (LIMIT + 1, _LARGE_CLAIM):
        memory, seen = memory_for(bench, _length(claim))
        expect_refusal(seen, f"a message of {claim} bytes was begun")
        if memory > _MEMORY:
            return  # the next behaviour tells it; more could hurt this machine
    _, seen = memory_for(bench, _length(_HIGHEST_CLAIM))
    expect_refusal(
        seen,
        f"a message of {_HIGHEST_CLAIM} bytes was begun",
        "a length has no sign: '!I' and int.from_bytes(..., 'big') read it so, '!i' does not",
    )


@behaviour(
    "takes no memory for a claim",
    expected="nothing is made in the size of a length that is too long",
    hint="a length is only what a stranger says: take memory for bytes that have come, not for "
    "bytes that are announced",
)
def _no_memory_for_a_claim(bench: Sandbox) -> None:
    memory, _ = memory_for(bench, _length(_LARGE_CLAIM))
    if memory > _MEMORY:
        raise Failed(f"a length of {_LARGE_CLAIM} bytes took more than {_MEMORY} bytes of memory")


@behaviour(
    "refuses bytes that are no text",
    expected="ValueError from feed()",
    hint="decode() raises UnicodeDecodeError, which is a ValueError: let it through, and do not "
    "repair what the peer sent",
)
def _not_utf8(bench: Sandbox) -> None:
    for wrong in (b"\xff\xfe", "€".encode()[:2]):
        expect_refusal(hear(bench, [_length(len(wrong)) + wrong]), f"no error for {wrong!r}")


@behaviour(
    "accepts an end between two messages",
    expected="the messages, and no error from end()",
    hint="a stream may end when nothing is held: then end() has nothing to say",
)
def _proper_end(bench: Sandbox) -> None:
    expect_messages(hear(bench, [_encoded("one", "two")], to_end=True), "one", "two")
    expect_messages(hear(bench, [], to_end=True))


@behaviour(
    "refuses an end inside a text",
    expected="'one' from feed(), then ValueError from end()",
    hint="end() is told that nothing will come any more: if a message is not complete by then, it "
    "never will be; raise ValueError",
)
def _end_in_text(bench: Sandbox) -> None:
    expect_torn(hear(bench, [_encoded("one", "two")[:-1]], to_end=True), "one")


@behaviour(
    "refuses an end inside a length, and right behind it",
    expected="'one' from feed(), then ValueError from end()",
    hint="a message begins with the first byte of its length: a stream that ends there, or before "
    "the first byte of the text, ended inside a message",
)
def _end_in_length(bench: Sandbox) -> None:
    for begun in (1, 3, 4):
        stream = _encoded("one") + _length(3)[:begun]
        expect_torn(hear(bench, [stream], to_end=True), "one")


@behaviour(
    "holds little over a long stream",
    expected=f"at most {_MEMORY} bytes of memory for {_STREAM_BYTES} bytes of short messages",
    hint="drop the bytes of a message that was given back: a connection can last for days",
)
def _long_stream(bench: Sandbox) -> None:
    message = _encoded("x" * 1000)
    memory, seen = memory_for(bench, message * (_STREAM_BYTES // len(message)))
    if seen.error is not None:
        raise Failed(f"feed() raised {described(seen.error)}", _HINT_FOLLOWS)
    if memory > _MEMORY:
        raise Failed("more than that")


@behaviour(
    "bears a large message in small pieces",
    expected=f"for {LIMIT // 2} bytes, one by one, at most {_TIMES_SLOWER} times the work of "
    "framing.LengthDecoder",
    hint="do not join or search again at each feed() what was there before: with n pieces that "
    "takes n times n steps",
)
def _small_pieces(bench: Sandbox) -> None:
    pieces = _in_single_bytes(_encoded("x" * (LIMIT // 2)))
    needed_s = max(seconds_for(LengthDecoder, pieces), _LEAST_S)
    most_s = _TIMES_SLOWER * needed_s
    if bench.call(lambda make: seconds_for(make, pieces, at_most_s=most_s)) > most_s:
        raise Failed("more than that, and more with every piece")


@behaviour(
    "makes a server that bears its clients",
    expected="well behaved, one byte at a time, glued: replied; claims a huge length: closed",
    hint=_HINT_FOLLOWS,
)
def _clients(bench: Sandbox) -> None:
    expect_outcome(bench, well_behaved, _MIXED, "replied")
    expect_outcome(bench, one_byte_at_a_time, _MIXED, "replied", pause_s=0.001)
    expect_outcome(bench, glued, _MIXED, "replied")
    expect_outcome(bench, claims_a_huge_length, _MIXED, "closed", claimed=_LARGE_CLAIM)


def _encoded(*texts: str) -> bytes:
    return b"".join(encode_length(text.encode()) for text in texts)


def _length(nbytes: int) -> bytes:
    return struct.pack("!I", nbytes)


def _cut(stream: bytes, *places: int) -> list[bytes]:
    return [stream[begin:end] for begin, end in pairwise((0, *places, len(stream)))]


def _in_single_bytes(stream: bytes) -> list[bytes]:
    return _cut(stream, *range(1, len(stream)))


_BEHAVIOURS = (
    _one_message,
    _glued,
    _leftovers,
    _length_torn,
    _byte_by_byte,
    _counts_bytes,
    _characters_torn,
    _empty_message,
    _buffer_used_again,
    _two_streams,
    _at_the_limit,
    _above_the_limit,
    _no_memory_for_a_claim,
    _not_utf8,
    _proper_end,
    _end_in_text,
    _end_in_length,
    _long_stream,
    _small_pieces,
    _clients,
)

_OVER_IPV6 = "a stream is a stream over both families: nothing here depends on an address"
