"""Takes the first message of a piece, and throws away what follows."""

import struct

CAUGHT_BY = (
    "reads several messages out of one recv()",
    "keeps what came after a message",
    "counts bytes, not characters",
    "reads an empty message",
    "accepts an end between two messages",
    "refuses an end inside a text",
    "refuses an end inside a length, and right after it",
    "keeps little of a long stream",
)
ALSO = ("works in a server with awkward clients",)  # if the network tears so
HINT = "while a complete one is in the buffer"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.held = b""

    def feed(self, data):
        self.held += data
        messages = []
        if len(self.held) >= 4:
            (length,) = struct.unpack("!I", self.held[:4])
            if length > LIMIT:
                raise ValueError(f"a message claims {length} bytes")
            if len(self.held) < 4 + length:
                return []
            messages.append(self.held[4 : 4 + length].decode())
            self.held = b""
        return messages

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
