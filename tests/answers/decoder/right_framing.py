"""The room of the package does it; text is made of what it gives."""

from sockets_lab.framing import LengthDecoder

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.decoder = LengthDecoder(max_length=LIMIT)

    def feed(self, data):
        return [message.decode() for message in self.decoder.feed(data)]

    def end(self):
        self.decoder.end()
