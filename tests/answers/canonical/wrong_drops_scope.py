"""Cuts the scope off."""

import socket

CAUGHT_BY = "keeps the scope"
HINT = "append the scope unchanged"


def canonical(text):
    return write(read(text.partition("%")[0]))


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
    for length in range(8, 1, -1):
        for start in range(9 - length):
            if groups[start : start + length] == ["0"] * length:
                return ":".join(groups[:start]) + "::" + ":".join(groups[start + length :])
    return ":".join(groups)
