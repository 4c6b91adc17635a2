"""Gives back a list only when there is a message."""

import struct

CAUGHT_BY = (
    "waits for the rest of a length",
    "reads a stream that comes byte by byte",
    "does not split characters",
    "copies the bytes that it keeps",
    "does not mix two streams",
    "accepts a message of LIMIT bytes",
)
ALSO = ("works in a server with awkward clients",)  # if the network tears so
HINT = "an empty one while"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.held = b""

    def feed(self, data):
        self.held += data
        messages = []
        while len(self.held) >= 4:
            (length,) = struct.unpack("!I", self.held[:4])
            if length > LIMIT:
                raise ValueError(f"a message claims {length} bytes")
            if len(self.held) < 4 + length:
                break
            messages.append(self.held[4 : 4 + length].decode())
            self.held = self.held[4 + length :]
        return messages or None

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
