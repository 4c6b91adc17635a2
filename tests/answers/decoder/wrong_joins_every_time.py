"""Joins all pieces anew for each feed()."""

import struct

CAUGHT_BY = "reads a large message in small pieces efficiently"
HINT = "do not join"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.pieces = []

    def feed(self, data):
        self.pieces.append(bytes(data))
        held = b"".join(self.pieces)
        messages = []
        while len(held) >= 4:
            (length,) = struct.unpack("!I", held[:4])
            if length > LIMIT:
                raise ValueError("too long")
            if len(held) < 4 + length:
                break
            messages.append(held[4 : 4 + length].decode())
            held = held[4 + length :]
        if messages:
            self.pieces = [held]
        return messages

    def end(self):
        if any(self.pieces):
            raise ValueError("torn")
