"""Shortens the first run of zeros, however long it is."""

import socket

CAUGHT_BY = (
    "shortens the longest run of zeros",
    "writes 3,000 addresses as RFC 5952 does",
)
HINT = "take the longest"


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
    groups = [f"{int.from_bytes(address[at : at + 2]):x}" for at in range(0, 16, 2)]
    for start in range(7):
        if groups[start : start + 2] == ["0", "0"]:
            end = start + 2
            while groups[end : end + 1] == ["0"]:
                end += 1
            return ":".join(groups[:start]) + "::" + ":".join(groups[end:])
    return ":".join(groups)
