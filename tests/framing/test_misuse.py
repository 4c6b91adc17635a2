"""Errors of the caller: Misuse, never a Violation."""

import pytest

from sockets_lab.framing import (
    DelimiterDecoder,
    LengthDecoder,
    Misuse,
    TooLong,
    Truncated,
    Violation,
    encode_delimited,
    encode_length,
)


@pytest.mark.parametrize(
    ("misuse", "words"),
    [
        (lambda: DelimiterDecoder(b""), "at least one byte, not b''"),
        (lambda: encode_delimited(b"message", b""), "at least one byte, not b''"),
        (lambda: DelimiterDecoder(max_length=-1), "0 bytes or more, not -1"),
        (lambda: LengthDecoder(max_length=-1), "0 bytes or more, not -1"),
        (lambda: LengthDecoder(header_bytes=3), "1, 2, 4 or 8, not 3"),
        (lambda: encode_length(b"message", 0), "1, 2, 4 or 8, not 0"),
        (lambda: encode_length(bytes(256), 1), "256 bytes is too long for header_bytes=1"),
        (lambda: encode_length(bytes(65_536), 2), "65536 bytes is too long for header_bytes=2"),
        (lambda: encode_delimited(b"two\nlines"), r"its delimiter b'\\n'"),
        (lambda: encode_delimited(b"line\n"), r"its delimiter b'\\n'"),
        # It would end two bytes early: b"\r\n" + b"\r\n\r\n" begins with a delimiter.
        (lambda: encode_delimited(b"line\r\n", b"\r\n\r\n"), "its delimiter"),
    ],
)
def test_misuse_says_what_to_do_instead(misuse, words):
    with pytest.raises(Misuse, match=words):
        misuse()


def test_writes_the_longest_message_of_a_header():
    assert encode_length(bytes(255), 1) == b"\xff" + bytes(255)
    assert encode_length(bytes(65_535), 2) == b"\xff\xff" + bytes(65_535)


def test_misuse_is_no_violation():
    assert issubclass(TooLong, Violation)
    assert issubclass(Truncated, Violation)
    assert issubclass(Violation, ValueError)
    assert not issubclass(Misuse, ValueError)
