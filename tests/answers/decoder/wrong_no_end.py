"""Has nothing to say at the end."""

import struct

CAUGHT_BY = (
    "refuses an end inside a text",
    "refuses an end inside a length, and right after it",
)
HINT = "never will be"

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
        return messages

    def end(self):
        pass
