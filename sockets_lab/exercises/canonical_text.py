"""Chapter 10: the one canonical text of an address.

The learner writes `canonical(text) -> str`: RFC 5952 for IPv6, four decimal numbers for IPv4, a
scope kept as it is, and ValueError for what is no address.
"""

import random
from collections.abc import Callable, Iterable
from typing import Any

from sockets_lab import addresses
from sockets_lab.exercises.harness.runner import (
    Behaviour,
    Failed,
    NotStarted,
    Report,
    Sandbox,
    behaviour,
    described,
    run,
)

__all__ = ["check_canonical"]

_MANY = 3000
_SLIPS = (AttributeError, IndexError, KeyError, NameError, NotImplementedError, TypeError)
_NO_ADDRESS = (
    *("", "localhost", "127.1", "1.2.3.4.5", "1.2.3.256", "::1::", ":::", "12345::", "[::1]"),
    *("1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "g::1", "::1.2.3", "010.0.0.1", "::1:80:"),
)


def check_canonical(canonical: Callable[[str], str]) -> Report:
    """Try `canonical` on addresses for each rule, on texts that are none, and on many at random."""
    return run("canonical", _BEHAVIOURS, _for_many(canonical))


def _for_many(canonical: Callable[[str], str]) -> Callable[[Iterable[str]], list[Any]]:
    """Make a function of many texts: what each gave, or the error that it raised."""
    if not callable(canonical):
        raise TypeError(f"give the function itself, as in check(canonical), not {canonical!r}")

    def answer(texts: Iterable[str]) -> list[Any]:
        return [_of_one(canonical, text) for text in texts]

    return answer


def _of_one(canonical: Callable[[str], str], text: str) -> Any:
    try:
        return canonical(text)
    except _SLIPS:
        raise
    except Exception as error:
        return error


def _expect(bench: Sandbox, wanted: dict[str, str]) -> None:
    """Failed unless every text comes out as it is wanted; the first that does not is named."""
    for text, given in zip(wanted, bench.call(list(wanted)), strict=True):
        if isinstance(given, Exception):
            raise Failed(f"{text!r}: {described(given)}")
        if given is None or given is ...:
            raise NotStarted
        if given != wanted[text]:
            raise Failed(
                f"{text!r} becomes {given!r}", expected=f"{text!r} becomes {wanted[text]!r}"
            )


def _rule(name: str, hint: str, wanted: dict[str, str]) -> Behaviour:
    """Make a behaviour of texts and what is to become of them."""
    some = ", ".join(f"{text!r} becomes {right!r}" for text, right in wanted.items())
    return Behaviour(name, some, hint, lambda bench: _expect(bench, wanted))


@behaviour(
    "refuses what is no address",
    expected="ValueError",
    hint="inet_pton() takes whole addresses only, and raises OSError for all else: turn that into "
    "ValueError",
)
def _refuses(bench: Sandbox) -> None:
    for text, given in zip(_NO_ADDRESS, bench.call(list(_NO_ADDRESS)), strict=True):
        if not isinstance(given, Exception):
            raise Failed(f"{text!r} becomes {given!r}")
        if not isinstance(given, ValueError):
            raise Failed(f"{text!r}: {described(given)}")


@behaviour(
    f"writes {_MANY:,} addresses as RFC 5952 does",
    expected="the text that the standard recommends, for each",
    hint="the rules above leave nothing open: compare with the first address that differs",
)
def _agrees(bench: Sandbox) -> None:
    chance = random.Random(10)
    groups = (0, 0, 0, 1, 0xFFFF)
    wanted = {}
    for _ in range(_MANY):
        parts = [chance.choice((*groups, chance.getrandbits(16))) for _ in range(8)]
        text = ":".join(f"{part:04x}" for part in parts)  # .exploded differs from Python 3.13 on
        wanted[text] = addresses.canonical(text)
    _expect(bench, wanted)


_BEHAVIOURS = (
    _rule(
        "writes IPv4 as four numbers",
        "each byte as a decimal number, with dots between",
        {"192.0.2.1": "192.0.2.1", "0.0.0.0": "0.0.0.0"},
    ),
    _rule(
        "writes IPv6 in lower case",
        "a to f in lower case: the format x of an f-string",
        {"2001:DB80:ABCD:EF01:1111:2222:3333:4444": "2001:db80:abcd:ef01:1111:2222:3333:4444"},
    ),
    _rule(
        "leaves out leading zeros",
        "the number of a group, not its digits: 00ab is ab, and 0000 is 0",
        {"2001:0db8:00ab:1:2:3:4:0005": "2001:db8:ab:1:2:3:4:5"},
    ),
    _rule(
        "shortens the longest run of zeros",
        "find all runs of zero groups, and take the longest",
        {
            "2001:0:0:1:0:0:0:1": "2001:0:0:1::1",
            "0:0:0:0:0:0:0:1": "::1",
            "fe80:0:0:0:0:0:0:0": "fe80::",
            "0:0:0:0:0:0:0:0": "::",
        },
    ),
    _rule(
        "shortens the first of equal runs",
        "a later run must be longer to win, not as long",
        {"2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1"},
    ),
    _rule(
        "does not shorten a single group",
        "`::` stands for two groups at least: a single zero group stays 0",
        {"2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1"},
    ),
    _rule(
        "writes IPv4 inside a mapped address",
        "the first 12 bytes tell: 10 zeros and 2 of ff; the last four are written as IPv4",
        {"::ffff:c000:201": "::ffff:192.0.2.1", "0:0:0:0:0:FFFF:192.0.2.1": "::ffff:192.0.2.1"},
    ),
    _rule(
        "writes IPv4 inside no other",
        "all 12 bytes before the last four have to be those of a mapped address",
        {
            "::192.0.2.1": "::c000:201",
            "64:ff9b::192.0.2.1": "64:ff9b::c000:201",
            "2001:db8::ffff:192.0.2.1": "2001:db8::ffff:c000:201",
        },
    ),
    _rule(
        "keeps the scope",
        "part the text at %, and put the scope back as it was",
        {"FE80:0:0:0:0:0:0:1%eth0": "fe80::1%eth0", "fe80::2%Wi-Fi": "fe80::2%Wi-Fi"},
    ),
    _refuses,
    _agrees,
)
