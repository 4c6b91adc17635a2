"""The text, the bytes and the bits of an address, and the one text that is canonical.

A socket holds 4 bytes for IPv4 and 16 for IPv6. Many texts mean the same bytes, so addresses are
compared as bytes, or as canonical text (RFC 5952), never as they were typed.
"""

import re
from itertools import groupby

from sockets_lab.addresses.numeric import numeric

__all__ = ["bits", "canonical", "packed", "why_not_canonical"]

_MAPPED = bytes(10) + b"\xff\xff"  # RFC 4291, section 2.5.5.2


def packed(host: str) -> bytes:
    """Return the address as it is sent: 4 or 16 bytes, in network byte order.

    A scope is left out. ValueError if `host` is not a numeric address.
    """
    return numeric(host.partition("%")[0]).packed


def bits(host: str) -> str:
    """Return the address as 32 or 128 digits 0 and 1, the most significant first."""
    return "".join(f"{byte:08b}" for byte in packed(host))


def canonical(host: str) -> str:
    """Return the one text for an address that RFC 5952 recommends; a scope is kept as it is.

    IPv4 is four decimal numbers. IPv6 is eight groups of 16 bits in lower-case hexadecimal without
    leading zeros, and `::` for the longest run of zero groups, if it has two or more; of equally
    long runs, for the first. The last 32 bits of an IPv4-mapped address are written as IPv4.
    ValueError if `host` is not a numeric address.
    """
    address, percent, scope = host.partition("%")
    return _text_of(packed(address)) + percent + scope


def _text_of(address: bytes) -> str:
    if len(address) == 4:
        return ".".join(map(str, address))
    if address.startswith(_MAPPED):
        return f"::ffff:{_text_of(address[12:])}"
    groups = [f"{high << 8 | low:x}" for high, low in zip(address[::2], address[1::2], strict=True)]
    start, length = _longest_zeros(groups)
    if length < 2:
        return ":".join(groups)
    return f"{':'.join(groups[:start])}::{':'.join(groups[start + length :])}"


def _longest_zeros(groups: list[str]) -> tuple[int, int]:
    """Return the start and length of the longest run of zero groups, the first of equals."""
    runs, at = [(0, 0)], 0
    for is_zero, members in groupby(groups, "0".__eq__):
        length = len(list(members))
        runs += [(at, length)] if is_zero else []
        at += length
    return max(runs, key=lambda run: run[1])


def why_not_canonical(host: str) -> tuple[str, ...]:
    """Return the reasons why a text is not canonical; () for canonical text.

    Each names its section of RFC 5952. ValueError if `host` is not a numeric address.
    """
    address, right = host.partition("%")[0], canonical(host).partition("%")[0]
    if address == right:
        return ()
    found = []
    if address != address.lower():
        found.append("capital letters (4.3)")
    if re.search(r"(?<![0-9a-f.])0[0-9a-f]", address.lower()):
        found.append("leading zeros (4.1)")
    if ("." in address) != ("." in right):
        found.append("IPv4 notation only where the address holds an IPv4 address (5)")
    elif _zeros(address) != _zeros(right):
        found.append("`::` must replace the longest run of zeros, the first of equals (4.2)")
    return tuple(found)


def _zeros(address: str) -> tuple[int, int]:
    """Return how many groups come before and after the `::`; (8, 0) without one."""
    before, shortened, after = address.partition("::")
    count = [len(part.split(":")) if part else 0 for part in (before, after)]
    return (count[0], count[1]) if shortened else (8, 0)
