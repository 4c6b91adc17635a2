"""Puts question marks where the peer's bytes are no text."""

import struct

CAUGHT_BY = "refuses bytes that are not text"
HINT = "do not repair"

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
            messages.append(self.held[4 : 4 + length].decode(errors="replace"))
            self.held = self.held[4 + length :]
        return messages

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
