"""A generator that is sent one byte after the other; where it waits is its state."""

LIMIT = 65_536


def reading(messages):
    while True:
        length = 0
        for at in range(4):
            byte = yield at > 0
            length = length << 8 | byte
        if length > LIMIT:
            raise ValueError(f"{length} bytes are too many")
        text = bytearray()
        while len(text) < length:
            text.append((yield True))
        messages.append(text.decode())


class Decoder:
    def __init__(self):
        self.messages = []
        self.reader = reading(self.messages)
        self.inside = next(self.reader)

    def feed(self, data):
        self.messages.clear()
        for byte in data:
            self.inside = self.reader.send(byte)
        return list(self.messages)

    def end(self):
        if self.inside:
            raise ValueError("torn")
