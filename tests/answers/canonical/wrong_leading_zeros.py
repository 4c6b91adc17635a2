"""Writes every group with four digits."""

import socket

CAUGHT_BY = (
    "leaves out leading zeros",
    "shortens the longest run of zeros",
    "shortens the first of equal runs",
    "does not shorten a single group",
    "writes no IPv4 inside other addresses",
    "keeps the scope",
    "writes 3,000 addresses as RFC 5952 does",
)
HINT = "the number of a group"


def canonical(text):
    address, percent, scope = text.partition("%")
    return write(read(address)) + percent + scope


def read(text):
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, text)
        except OSError:
            pass
    raise ValueError(f"{text!r} is no address")


def write(address):
    if len(address) == 4:
        return ".".join(map(str, address))
    if address.startswith(bytes(10) + b"\xff\xff"):
        return "::ffff:" + ".".join(map(str, address[12:]))
    groups = [address[at : at + 2].hex() for at in range(0, 16, 2)]
    for length in range(8, 1, -1):
        for start in range(9 - length):
            if groups[start : start + length] == ["0000"] * length:
                return ":".join(groups[:start]) + "::" + ":".join(groups[start + length :])
    return ":".join(groups)
