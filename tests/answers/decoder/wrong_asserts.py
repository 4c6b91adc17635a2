"""Refuses with an error that is no ValueError."""

import struct

CAUGHT_BY = (
    "refuses a longer one by its length",
    "allocates no memory for an announced length",
    "works in a server with awkward clients",
)
HINT = "raise ValueError"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.held = b""

    def feed(self, data):
        self.held += data
        messages = []
        while len(self.held) >= 4:
            (length,) = struct.unpack("!I", self.held[:4])
            assert length <= LIMIT, "too long"
            if len(self.held) < 4 + length:
                break
            messages.append(self.held[4 : 4 + length].decode())
            self.held = self.held[4 + length :]
        return messages

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
