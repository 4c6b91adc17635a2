"""Begins with nothing again after each message."""

import struct

CAUGHT_BY = (
    "keeps what came after a message",
    "refuses an end inside a text",
    "refuses an end inside a length, and right after it",
    "keeps little of a long stream",
)
HINT = "belongs to the next one"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.held = b""

    def feed(self, data):
        held = self.held + data
        at = 0
        messages = []
        while len(held) - at >= 4:
            (length,) = struct.unpack_from("!I", held, at)
            if length > LIMIT:
                raise ValueError(f"a message claims {length} bytes")
            if len(held) < at + 4 + length:
                break
            messages.append(held[at + 4 : at + 4 + length].decode())
            at += 4 + length
        self.held = b"" if messages else held
        return messages

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
