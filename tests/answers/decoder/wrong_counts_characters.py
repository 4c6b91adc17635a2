"""Makes text of everything first, and counts in it."""

import struct

CAUGHT_BY = (
    "counts bytes, not characters",
    "does not split characters",
    "refuses bytes that are not text",
    "keeps little of a long stream",
)
ALSO = ("works in a server with awkward clients",)  # if the network tears so
HINT = "cut the bytes first"

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
            text = self.held[4:].decode(errors="ignore")
            if len(text) < length:
                break
            messages.append(text[:length])
            self.held = text[length:].encode()
        return messages

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
