"""Finds the runs in the text, with a regular expression."""

import re
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
        return "::ffff:" + ".".join(map(str, address[12:]))
    groups = [f"{int.from_bytes(address[at : at + 2]):x}" for at in range(0, 16, 2)]
    text = ":".join(groups)
    runs = re.findall(r"\b0(?::0)+\b", text)
    if not runs:
        return text
    longest = max(runs, key=len)
    before, _, after = f":{text}:".partition(f":{longest}:")
    return f"{before[1:]}::{after[:-1]}"
