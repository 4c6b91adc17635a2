"""Takes the length off when it is read, and forgets at the end that it was there."""

import struct

CAUGHT_BY = "refuses an end inside a length, and right after it"
HINT = "ended inside a message"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.held = b""
        self.length = None

    def feed(self, data):
        self.held += data
        messages = []
        while True:
            if self.length is None:
                if len(self.held) < 4:
                    return messages
                (self.length,) = struct.unpack("!I", self.held[:4])
                self.held = self.held[4:]
                if self.length > LIMIT:
                    raise ValueError("too long")
            if len(self.held) < self.length:
                return messages
            messages.append(self.held[: self.length].decode())
            self.held, self.length = self.held[self.length :], None

    def end(self):
        if self.held:
            raise ValueError("the stream ended inside a message")
