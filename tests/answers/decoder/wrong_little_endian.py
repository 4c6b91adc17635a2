"""Reads the length in this machine's own byte order."""

import struct

CAUGHT_BY = (
    "reads a message",
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
    "refuses a longer one by its length",
    "accepts an end between two messages",
    "refuses an end inside a text",
    "refuses an end inside a length, and right after it",
    "keeps little of a long stream",
    "reads a large message in small pieces efficiently",
    "works in a server with awkward clients",
)
HINT = "the most significant byte"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.held = b""

    def feed(self, data):
        self.held += data
        messages = []
        while len(self.held) >= 4:
            (length,) = struct.unpack("I", self.held[:4])
            if length > LIMIT:
                raise ValueError(f"a message claims {length} bytes")
            if len(self.held) < 4 + length:
                break
            messages.append(self.held[4 : 4 + length].decode())
            self.held = self.held[4 + length :]
        return messages

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
