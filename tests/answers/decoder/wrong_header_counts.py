"""Counts the header into the limit."""

import struct

CAUGHT_BY = "accepts a message of LIMIT bytes"
HINT = "LIMIT itself is allowed"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.held = b""

    def feed(self, data):
        self.held += data
        messages = []
        while len(self.held) >= 4:
            (length,) = struct.unpack("!I", self.held[:4])
            if 4 + length > LIMIT:
                raise ValueError("too long")
            if len(self.held) < 4 + length:
                break
            messages.append(self.held[4 : 4 + length].decode())
            self.held = self.held[4 + length :]
        return messages

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
