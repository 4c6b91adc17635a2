"""Makes room for a message before it looks at the length."""

import struct

CAUGHT_BY = "allocates no memory for an announced length"
HINT = "for bytes that have arrived"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.held = bytearray()

    def feed(self, data):
        self.held += data
        messages = []
        while len(self.held) >= 4:
            (length,) = struct.unpack_from("!I", self.held)
            message = bytearray(length)
            if length > LIMIT:
                raise ValueError("too long")
            if len(self.held) < 4 + length:
                break
            message[:] = self.held[4 : 4 + length]
            del self.held[: 4 + length]
            messages.append(message.decode())
        return messages

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
