"""Reads once and hopes: what recv() gave is taken for one message."""

import struct

CAUGHT_BY = (
    "reads several messages out of one recv()",
    "keeps what came behind a message",
    "waits for the rest of a length",
    "reads a stream that comes byte by byte",
    "counts bytes, not characters",
    "keeps characters whole",
    "reads an empty message",
    "keeps a copy of what it was fed",
    "keeps two streams apart",
    "takes a message of LIMIT bytes",
    "accepts an end between two messages",
    "refuses an end inside a text",
    "refuses an end inside a length, and right behind it",
    "holds little over a long stream",
    "bears a large message in small pieces",
    "makes a server that bears its clients",
)
HINT = "recv() knows of no messages"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.torn = False

    def feed(self, data):
        (length,) = struct.unpack("!I", data[:4])
        if length > LIMIT:
            raise ValueError("too long")
        self.torn = len(data) < 4 + length
        return [data[4:].decode()]

    def end(self):
        if self.torn:
            raise ValueError("torn")
