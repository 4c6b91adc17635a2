"""A bytearray and a position in it; what was read is deleted once for each feed()."""

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer.extend(data)
        at = 0
        messages = []
        while (begin := at + 4) <= len(self.buffer):
            end = begin + int.from_bytes(self.buffer[at:begin], "big")
            if end - begin > LIMIT:
                raise ValueError("too long")
            if end > len(self.buffer):
                break
            messages.append(str(self.buffer[begin:end], "utf-8"))
            at = end
        del self.buffer[:at]
        return messages

    def end(self):
        if len(self.buffer) > 0:
            raise ValueError("the peer went away in the middle of a message")
