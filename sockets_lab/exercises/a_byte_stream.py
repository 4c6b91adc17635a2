"""Chapter 04: an incremental length-prefix decoder, under hostile splits and oversize claims.

The learner writes `class Decoder` with `feed(data) -> list[str]` and `end()`. A message is UTF-8
text with its length before it, in bytes, as four bytes in network byte order; it may have `LIMIT`
bytes. ValueError says that the peer broke this: a longer length (raised immediately, by `feed`),
bytes that are not UTF-8, a stream that ends inside a message (raised by `end`).

The bytes come from real connections, cut by `recv()` at the same positions on every run. How much
is kept, and how long it takes, is compared with what is needed: with the limit, and with the time
of `sockets_lab.framing.LengthDecoder` for the same bytes.
"""

import struct
from itertools import pairwise
from typing import Final

from sockets_lab.exercises.harness.decoding import (
    MakeDecoder,
    caller_of,
    cpu_seconds,
    decode,
    decode_in_turns,
    expect_peer_outcome,
    peak_memory,
)
from sockets_lab.exercises.harness.runner import Behaviours, Failed, Report, Sandbox, described
from sockets_lab.framing import LengthDecoder, encode_length
from sockets_lab.peers import claims_a_huge_length, glued, one_byte_at_a_time, well_behaved

__all__ = ["LIMIT", "check_decoder"]

LIMIT: Final = 65_536  # bytes of one message, as the notebook says

_TEXT = "Hello, server."
_MIXED = "naïve café, 10 € 😀"  # characters of one, two, three and four bytes
_LARGE_CLAIM = 64 << 20  # visible in memory use, and harmless to the machine
_HIGHEST_CLAIM = 0xFFFF_FFFF
_MEMORY = 2 * LIMIT  # bytes: for all that is kept, and copied on the way
_STREAM_BYTES = 1 << 19
_TIMES_SLOWER = 50
_HINT_FOLLOWS = "this follows from an earlier behaviour: fix that first"
_LEAST_S = 0.02  # on Windows the clock of a thread takes steps of 16 ms


behaviours = Behaviours(
    "Decoder",
    over_ipv6="nothing here depends on the family: a stream is the same over both",
)


def check_decoder(decoder: MakeDecoder) -> Report:
    """Try the class `decoder` with streams cut in many ways.

    Raises TypeError when it is neither a class nor a function that makes a decoder.
    """
    if not callable(decoder):
        raise TypeError(f"give the class itself, as in check_decoder(Decoder), not {decoder!r}")
    return behaviours.check(caller_of(decoder))


@behaviours(
    "reads a message",
    expected=f"{_TEXT!r}",
    hint="the first four bytes say how many bytes of text follow, the most significant byte "
    "first: struct.unpack('!I', ...)",
)
def _one_message(sandbox: Sandbox) -> None:
    decode(sandbox, [_encoded(_TEXT)]).expect(_TEXT)


@behaviours(
    "reads several messages out of one recv()",
    expected="'one', 'two', 'three'",
    hint="recv() does not know messages, and one feed() can complete many: go on while a complete "
    "one is in the buffer",
)
def _glued(sandbox: Sandbox) -> None:
    decode(sandbox, [_encoded("one", "two", "three")]).expect("one", "two", "three")


@behaviours(
    "keeps what came after a message",
    expected="'one', 'two', although the first recv() ended inside 'two'",
    hint="what is left after a message belongs to the next one: keep it for the next feed()",
)
def _leftovers(sandbox: Sandbox) -> None:
    decode(sandbox, _cut(_encoded("one", "two"), 12)).expect("one", "two")


@behaviours(
    "waits for the rest of a length",
    expected="'one', 'two', although each length came in two pieces",
    hint="the four bytes of a length can be split, too: read it when all four are there",
)
def _length_split(sandbox: Sandbox) -> None:
    decode(sandbox, _cut(_encoded("one", "two"), 1, 7, 10)).expect("one", "two")


@behaviours(
    "reads a stream that comes byte by byte",
    expected="'one' with byte 7, 'two' with byte 14",
    hint="keep what is not complete in the object, and return a message with its last byte: there "
    "can be many calls of feed() for one message",
)
def _byte_by_byte(sandbox: Sandbox) -> None:
    transcript = decode(sandbox, _in_single_bytes(_encoded("one", "two")))
    transcript.expect("one", "two")
    when = [number for number, given in enumerate(transcript.given, start=1) if given]
    if when != [7, 14]:
        raise Failed(f"they came with byte {' and '.join(map(str, when))}")


@behaviours(
    "counts bytes, not characters",
    expected="'é€😀', 'next'",
    hint="the length counts bytes, and '€' is one character of three bytes: cut the bytes first, "
    "then decode what you have cut off",
)
def _counts_bytes(sandbox: Sandbox) -> None:
    decode(sandbox, [_encoded("é€😀", "next")]).expect("é€😀", "next")


@behaviours(
    "does not split characters",
    expected=f"{_MIXED!r}, wherever the stream is cut",
    hint="a character can have several bytes, and a piece can end between them: decode a message "
    "when all its bytes are there, not piece by piece",
)
def _characters_split(sandbox: Sandbox) -> None:
    stream = _encoded(_MIXED)
    for cut in range(5, len(stream)):
        decode(sandbox, _cut(stream, cut)).expect(_MIXED)


@behaviours(
    "reads an empty message",
    expected="'one', '', 'two'",
    hint="a length of 0 is a message without text, not the end of the stream",
)
def _empty_message(sandbox: Sandbox) -> None:
    decode(sandbox, [_encoded("one", "", "two")]).expect("one", "", "two")


@behaviours(
    "copies the bytes that it keeps",
    expected="'Hey!', although the caller fills the same bytearray again for each feed()",
    hint="the caller uses its buffer again, as with recv_into(): copy what you keep, with "
    "bytes(data) or +=",
)
def _buffer_used_again(sandbox: Sandbox) -> None:
    pieces = _cut(_encoded("Hey!"), 4)
    decode(sandbox, pieces, into=bytearray(4)).expect("Hey!")


@behaviours(
    "does not mix two streams",
    expected="'for the first' from one decoder, 'for the second' from the other",
    hint="the buffer belongs to one stream: make it in __init__, as self.something; all decoders "
    "share what is made in the class, or outside of it",
)
def _two_streams(sandbox: Sandbox) -> None:
    texts = ("for the first", "for the second")
    both = decode_in_turns(sandbox, [_encoded(text) for text in texts])
    for transcript, text in zip(both, texts, strict=True):
        transcript.expect(text)


@behaviours(
    "accepts a message of LIMIT bytes",
    expected=f"a text of {LIMIT} characters",
    hint="LIMIT itself is allowed: only a length above it is too long",
)
def _at_the_limit(sandbox: Sandbox) -> None:
    text = "x" * LIMIT
    decode(sandbox, _cut(_encoded(text), 4, LIMIT)).expect(text)


@behaviours(
    "refuses a longer one by its length",
    expected="ValueError from feed(), before any of the text has arrived",
    hint="compare the length with LIMIT as soon as it is there, and raise ValueError: the peer may "
    "never send the text",
)
def _above_the_limit(sandbox: Sandbox) -> None:
    for claim in (LIMIT + 1, _LARGE_CLAIM):
        memory, transcript = peak_memory(sandbox, _length(claim))
        transcript.expect_refusal(f"no error for a length of {claim} bytes")
        if memory > _MEMORY:
            return  # the next behaviour reports it; more could harm this machine
    _, transcript = peak_memory(sandbox, _length(_HIGHEST_CLAIM))
    transcript.expect_refusal(
        f"no error for a length of {_HIGHEST_CLAIM} bytes",
        "a length is unsigned: '!I' and int.from_bytes(..., 'big') read it so, '!i' does not",
    )


@behaviours(
    "allocates no memory for an announced length",
    expected="no buffer has the size of a length above LIMIT",
    hint="a peer can send any length: allocate memory for bytes that have arrived, not for bytes "
    "that are announced",
    over_ipv6=False,
)
def _no_memory_for_a_claim(sandbox: Sandbox) -> None:
    memory, _ = peak_memory(sandbox, _length(_LARGE_CLAIM))
    if memory > _MEMORY:
        raise Failed(f"a length of {_LARGE_CLAIM} bytes took more than {_MEMORY} bytes of memory")


@behaviours(
    "refuses bytes that are not text",
    expected="ValueError from feed()",
    hint="decode() raises UnicodeDecodeError, which is a ValueError: let it through, and do not "
    "repair what the peer sent",
)
def _not_utf8(sandbox: Sandbox) -> None:
    for wrong in (b"\xff\xfe", "€".encode()[:2]):
        decode(sandbox, [_length(len(wrong)) + wrong]).expect_refusal(f"no error for {wrong!r}")


@behaviours(
    "accepts an end between two messages",
    expected="the messages, and no error from end()",
    hint="a stream may end when the buffer is empty: then end() does nothing",
)
def _proper_end(sandbox: Sandbox) -> None:
    decode(sandbox, [_encoded("one", "two")], to_end=True).expect("one", "two")
    decode(sandbox, [], to_end=True).expect()


@behaviours(
    "refuses an end inside a text",
    expected="'one' from feed(), then ValueError from end()",
    hint="after end() nothing more will come: a message that is not complete by then never will "
    "be, so raise ValueError",
)
def _end_in_text(sandbox: Sandbox) -> None:
    decode(sandbox, [_encoded("one", "two")[:-1]], to_end=True).expect_truncated("one")


@behaviours(
    "refuses an end inside a length, and right after it",
    expected="'one' from feed(), then ValueError from end()",
    hint="a message begins with the first byte of its length: a stream that ends there, or before "
    "the first byte of the text, ended inside a message",
)
def _end_in_length(sandbox: Sandbox) -> None:
    for begun in (1, 3, 4):
        stream = _encoded("one") + _length(3)[:begun]
        decode(sandbox, [stream], to_end=True).expect_truncated("one")


@behaviours(
    "keeps little of a long stream",
    expected=f"at most {_MEMORY} bytes of memory for {_STREAM_BYTES} bytes of short messages",
    hint="drop the bytes of a message that was returned: a connection can last for days",
    over_ipv6=False,
)
def _long_stream(sandbox: Sandbox) -> None:
    message = _encoded("x" * 1000)
    memory, transcript = peak_memory(sandbox, message * (_STREAM_BYTES // len(message)))
    if transcript.error is not None:
        raise Failed(f"feed() raised {described(transcript.error)}", _HINT_FOLLOWS)
    if memory > _MEMORY:
        raise Failed("more memory than that")


@behaviours(
    "reads a large message in small pieces efficiently",
    expected=f"for {LIMIT // 2} bytes, one by one, at most {_TIMES_SLOWER} times the work of "
    "framing.LengthDecoder",
    hint="do not join or search the old bytes again at each feed(): with n pieces that takes n "
    "times n steps",
    over_ipv6=False,
)
def _small_pieces(sandbox: Sandbox) -> None:
    pieces = _in_single_bytes(_encoded("x" * (LIMIT // 2)))
    needed_s = max(cpu_seconds(LengthDecoder, pieces), _LEAST_S)
    most_s = _TIMES_SLOWER * needed_s
    if sandbox.call(lambda make: cpu_seconds(make, pieces, at_most_s=most_s)) > most_s:
        raise Failed("more work than that, and more with every piece")


@behaviours(
    "works in a server with awkward clients",
    expected="well behaved, one byte at a time, glued: replied; claims a huge length: closed",
    hint=_HINT_FOLLOWS,
)
def _clients(sandbox: Sandbox) -> None:
    expect_peer_outcome(sandbox, well_behaved, _MIXED, "replied")
    expect_peer_outcome(sandbox, one_byte_at_a_time, _MIXED, "replied", pause_s=0.001)
    expect_peer_outcome(sandbox, glued, _MIXED, "replied")
    expect_peer_outcome(sandbox, claims_a_huge_length, _MIXED, "closed", claimed=_LARGE_CLAIM)


def _encoded(*texts: str) -> bytes:
    return b"".join(encode_length(text.encode()) for text in texts)


def _length(nbytes: int) -> bytes:
    return struct.pack("!I", nbytes)


def _cut(stream: bytes, *cuts: int) -> list[bytes]:
    return [stream[begin:end] for begin, end in pairwise((0, *cuts, len(stream)))]


def _in_single_bytes(stream: bytes) -> list[bytes]:
    return _cut(stream, *range(1, len(stream)))
