"""Makes text of each piece as it comes."""

import struct

CAUGHT_BY = "does not split characters"
ALSO = ("works in a server with awkward clients",)  # if the network tears so
HINT = "decode a message"

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.header = b""
        self.length = None
        self.texts = []
        self.nbytes = 0

    def feed(self, data):
        messages = []
        data = bytes(data)
        while data or self.length == 0:
            if self.length is None:
                missing = 4 - len(self.header)
                self.header, data = self.header + data[:missing], data[missing:]
                if len(self.header) < 4:
                    break
                (self.length,) = struct.unpack("!I", self.header)
                if self.length > LIMIT:
                    raise ValueError("too long")
            missing = self.length - self.nbytes
            piece, data = data[:missing], data[missing:]
            self.texts.append(piece.decode())
            self.nbytes += len(piece)
            if self.nbytes < self.length:
                break
            messages.append("".join(self.texts))
            self.header, self.length, self.texts, self.nbytes = b"", None, [], 0
        return messages

    def end(self):
        if self.header or self.length is not None:
            raise ValueError("torn")
