"""Makes room for whatever the peer announces, and fills it."""

import struct

CAUGHT_BY = (
    "refuses a longer one by its length",
    "allocates no memory for an announced length",
    "works in a server with awkward clients",
)
HINT = "compare the length with LIMIT"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.header = b""
        self.message = None
        self.filled = 0

    def feed(self, data):
        data = bytes(data)
        messages = []
        while data or self.message == b"":
            if self.message is None:
                missing = 4 - len(self.header)
                self.header, data = self.header + data[:missing], data[missing:]
                if len(self.header) == 4:
                    self.message, self.filled = bytearray(struct.unpack("!I", self.header)[0]), 0
                continue
            piece, data = (
                data[: len(self.message) - self.filled],
                data[len(self.message) - self.filled :],
            )
            self.message[self.filled : self.filled + len(piece)] = piece
            self.filled += len(piece)
            if self.filled == len(self.message):
                messages.append(self.message.decode())
                self.header, self.message = b"", None
        return messages

    def end(self):
        if self.header:
            raise ValueError("torn")
