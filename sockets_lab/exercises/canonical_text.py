"""Chapter 10: the one canonical text of an address.

The learner writes `canonical(text) -> str`: RFC 5952 for IPv6, four decimal numbers for IPv4, a
scope unchanged, and ValueError for a text that is not an address.
"""

import random
from collections.abc import Callable, Iterable
from typing import Any

from sockets_lab import addresses
from sockets_lab.exercises.harness.runner import (
    Behaviours,
    Failed,
    NotStarted,
    Report,
    Sandbox,
    described,
)

__all__ = ["check_canonical"]

_MANY = 3000
_SLIPS = (AttributeError, IndexError, KeyError, NameError, NotImplementedError, TypeError)
_NO_ADDRESS = (
    *("", "localhost", "127.1", "1.2.3.4.5", "1.2.3.256", "::1::", ":::", "12345::", "[::1]"),
    *("1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "g::1", "::1.2.3", "010.0.0.1", "::1:80:"),
)


behaviours = Behaviours("canonical")


def check_canonical(canonical: Callable[[str], str]) -> Report:
    """Try `canonical` on addresses for each rule, on invalid texts, and on random addresses."""
    return behaviours.check(_for_many(canonical))


def _for_many(canonical: Callable[[str], str]) -> Callable[[Iterable[str]], list[Any]]:
    """Return a function of many texts, which returns for each the result or the error."""
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


def _expect(sandbox: Sandbox, wanted: dict[str, str]) -> None:
    """Raise Failed for the first text whose result differs from the wanted one."""
    for text, given in zip(wanted, sandbox.call(list(wanted)), strict=True):
        if isinstance(given, Exception):
            raise Failed(f"{text!r}: {described(given)}")
        if given is None or given is ...:
            raise NotStarted
        if given != wanted[text]:
            raise Failed(
                f"{text!r} becomes {given!r}", expected=f"{text!r} becomes {wanted[text]!r}"
            )


def _rule(name: str, hint: str, wanted: dict[str, str]) -> None:
    """Register a behaviour for texts and what is to become of them."""
    some = ", ".join(f"{text!r} becomes {right!r}" for text, right in wanted.items())
    behaviours(name, expected=some, hint=hint)(lambda sandbox: _expect(sandbox, wanted))


_rule(
    "writes IPv4 as four numbers",
    "write each byte as a decimal number, with dots between",
    {"192.0.2.1": "192.0.2.1", "0.0.0.0": "0.0.0.0"},
)
_rule(
    "writes IPv6 in lower case",
    "write a to f in lower case, as the format x of an f-string does",
    {"2001:DB80:ABCD:EF01:1111:2222:3333:4444": "2001:db80:abcd:ef01:1111:2222:3333:4444"},
)
_rule(
    "leaves out leading zeros",
    "write the number of a group, not its digits: 00ab is ab, and 0000 is 0",
    {"2001:0db8:00ab:1:2:3:4:0005": "2001:db8:ab:1:2:3:4:5"},
)
_rule(
    "shortens the longest run of zeros",
    "find all runs of zero groups, and take the longest",
    {
        "2001:0:0:1:0:0:0:1": "2001:0:0:1::1",
        "0:0:0:0:0:0:0:1": "::1",
        "fe80:0:0:0:0:0:0:0": "fe80::",
        "0:0:0:0:0:0:0:0": "::",
    },
)
_rule(
    "shortens the first of equal runs",
    "take a later run only if it is longer",
    {"2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1"},
)
_rule(
    "does not shorten a single group",
    "`::` stands for two groups at least: a single zero group stays 0",
    {"2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1"},
)
_rule(
    "writes IPv4 inside a mapped address",
    "its first 12 bytes are 10 of 00 and 2 of ff; the last four are written as IPv4",
    {"::ffff:c000:201": "::ffff:192.0.2.1", "0:0:0:0:0:FFFF:192.0.2.1": "::ffff:192.0.2.1"},
)
_rule(
    "writes no IPv4 inside other addresses",
    "compare all 12 bytes before the last four with those of a mapped address",
    {
        "::192.0.2.1": "::c000:201",
        "64:ff9b::192.0.2.1": "64:ff9b::c000:201",
        "2001:db8::ffff:192.0.2.1": "2001:db8::ffff:c000:201",
    },
)
_rule(
    "keeps the scope",
    "split the text at %, and append the scope unchanged",
    {"FE80:0:0:0:0:0:0:1%eth0": "fe80::1%eth0", "fe80::2%Wi-Fi": "fe80::2%Wi-Fi"},
)


@behaviours(
    "refuses a text that is not an address",
    expected="ValueError",
    hint="inet_pton() takes only complete addresses, and raises OSError for all else: turn that "
    "into ValueError",
)
def _refuses(sandbox: Sandbox) -> None:
    for text, given in zip(_NO_ADDRESS, sandbox.call(list(_NO_ADDRESS)), strict=True):
        if not isinstance(given, Exception):
            raise Failed(f"{text!r} becomes {given!r}")
        if not isinstance(given, ValueError):
            raise Failed(f"{text!r}: {described(given)}")


@behaviours(
    f"writes {_MANY:,} addresses as RFC 5952 does",
    expected="the text that the standard recommends, for each",
    hint="follow the rules above: look at the first address that differs",
)
def _agrees(sandbox: Sandbox) -> None:
    chance = random.Random(10)
    groups = (0, 0, 0, 1, 0xFFFF)
    wanted = {}
    for _ in range(_MANY):
        parts = [chance.choice((*groups, chance.getrandbits(16))) for _ in range(8)]
        text = ":".join(f"{part:04x}" for part in parts)  # .exploded differs from Python 3.13 on
        wanted[text] = addresses.canonical(text)
    _expect(sandbox, wanted)
