"""Reads on in a buffer that only grows."""

import struct

CAUGHT_BY = "keeps little of a long stream"
HINT = "drop the bytes of a message"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.held = bytearray()
        self.at = 0

    def feed(self, data):
        self.held += data
        messages = []
        while len(self.held) - self.at >= 4:
            (length,) = struct.unpack_from("!I", self.held, self.at)
            begin = self.at + 4
            if length > LIMIT:
                raise ValueError("too long")
            if len(self.held) < begin + length:
                break
            messages.append(self.held[begin : begin + length].decode())
            self.at = begin + length
        return messages

    def end(self):
        if self.at < len(self.held):
            raise ValueError("torn")
