"""Measures every run of zeros, and takes the best."""

import socket


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
        return "::ffff:" + write(address[12:])
    groups = [f"{int.from_bytes(address[at : at + 2]):x}" for at in range(0, 16, 2)]
    best, run = range(0), 0
    for at, group in enumerate([*groups, "end"]):
        if group == "0":
            run += 1
            continue
        if run > max(1, len(best)):
            best = range(at - run, at)
        run = 0
    if not best:
        return ":".join(groups)
    return ":".join(groups[: best.start]) + "::" + ":".join(groups[best.stop :])
