"""Messages come out as they went in, in any pieces, and garbage does no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.framing.framings import FRAMINGS, LIMIT, bytes_of, delimited, fed, pieces_of, sendable

ways = pytest.mark.parametrize("way", FRAMINGS.values(), ids=FRAMINGS)

# Cuts are taken modulo the stream's length, since they are drawn before it is known.
CUTS = st.lists(st.integers(0, 2**16), max_size=12)
# Bytes that make delimiters, plausible headers and messages near the limit.
LIKELY = st.sampled_from([0, 0, 0, 1, 3, LIMIT, LIMIT + 1, 255, *b"aabbxx\r\r\n\n"])
RUNS = st.builds(lambda byte, size: bytes([byte]) * size, LIKELY, st.integers(1, LIMIT + 2))
GARBAGE = (
    st.binary(max_size=120)
    | st.lists(LIKELY, max_size=120).map(bytes)
    | st.lists(RUNS, max_size=12).map(b"".join)
)


@ways
@given(messages=st.lists(st.binary(max_size=LIMIT), max_size=8), cuts=CUTS)
def test_decodes_any_messages_in_any_pieces(way, messages, cuts):
    messages = [message for message in messages if sendable(way, message)]
    stream = b"".join(map(way.encode, messages))
    assert fed(way, pieces_of(stream, cuts)) == (messages, None)
    assert fed(way, bytes_of(stream)) == (messages, None)


@ways
@given(garbage=GARBAGE, cuts=CUTS)
def test_garbage_means_the_same_in_any_pieces(way, garbage, cuts):
    messages, kind = way.reference(garbage)
    words = set()
    for pieces in ([garbage], pieces_of(garbage, cuts), bytes_of(garbage)):
        seen, violation = fed(way, pieces)
        assert (seen, type(violation) if violation else None) == (messages, kind)
        words.add(str(violation))
    assert len(words) == 1


@given(message=st.binary(max_size=12), delimiter=st.binary(min_size=1, max_size=4))
def test_refuses_what_a_receiver_would_misread(message, delimiter):
    way = delimited(delimiter)
    seen = (message + delimiter).split(delimiter) == [message, b""]
    assert sendable(way, message) == seen
    if seen:
        assert fed(way, bytes_of(way.encode(message) * 2)) == ([message] * 2, None)
