"""Reads once and hopes: what recv() gave is taken for one message."""

import struct

CAUGHT_BY = (
    "reads several messages out of one recv()",
    "keeps what came after a message",
    "waits for the rest of a length",
    "reads a stream that comes byte by byte",
    "counts bytes, not characters",
    "does not split characters",
    "reads an empty message",
    "copies the bytes that it keeps",
    "does not mix two streams",
    "accepts a message of LIMIT bytes",
    "accepts an end between two messages",
    "refuses an end inside a text",
    "refuses an end inside a length, and right after it",
    "keeps little of a long stream",
    "reads a large message in small pieces efficiently",
    "works in a server with awkward clients",
)
HINT = "recv() does not know messages"

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
