"""Lets the error of inet_pton() out."""

import socket

CAUGHT_BY = "refuses a text that is not an address"
HINT = "into ValueError"


def canonical(text):
    address, percent, scope = text.partition("%")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return write(socket.inet_pton(family, address)) + percent + scope


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
