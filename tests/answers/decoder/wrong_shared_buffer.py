"""Keeps the bytes in the class, where all its decoders find them."""

import struct

CAUGHT_BY = (
    "does not mix two streams",
    "accepts a message of LIMIT bytes",
    "accepts an end between two messages",
    "refuses an end inside a text",
    "refuses an end inside a length, and right after it",
    "keeps little of a long stream",
    "reads a large message in small pieces efficiently",
)
ALSO = ("works in a server with awkward clients",)  # if the network tears so
HINT = "all decoders share"

LIMIT = 65_536


class Decoder:
    held = bytearray()

    def feed(self, data):
        self.held += data
        messages = []
        while len(self.held) >= 4:
            (length,) = struct.unpack_from("!I", self.held)
            if length > LIMIT:
                raise ValueError(f"a message claims {length} bytes")
            if len(self.held) < 4 + length:
                break
            messages.append(self.held[4 : 4 + length].decode())
            del self.held[: 4 + length]
        return messages

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
