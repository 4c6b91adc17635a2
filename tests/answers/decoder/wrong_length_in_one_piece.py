"""Believes that at least the four bytes of a length stay together."""

import struct

CAUGHT_BY = (
    "waits for the rest of a length",
    "reads a stream that comes byte by byte",
    "refuses an end inside a length, and right after it",
    "reads a large message in small pieces efficiently",
)
ALSO = ("works in a server with awkward clients",)  # if the network tears so
HINT = "can be split, too"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.held = b""

    def feed(self, data):
        self.held += data
        messages = []
        while self.held:
            (length,) = struct.unpack("!I", self.held[:4])
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
