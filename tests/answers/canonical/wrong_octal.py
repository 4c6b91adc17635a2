"""Reads the numbers of IPv4 with int(), which takes 010."""

import socket

CAUGHT_BY = "refuses a text that is not an address"
HINT = "only complete addresses"


def canonical(text):
    address, percent, scope = text.partition("%")
    return write(read(address)) + percent + scope


def read(text):
    if text.count(".") == 3 and ":" not in text:
        return bytes(int(part) for part in text.split("."))
    try:
        return socket.inet_pton(socket.AF_INET6, text)
    except OSError:
        raise ValueError(text) from None


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
