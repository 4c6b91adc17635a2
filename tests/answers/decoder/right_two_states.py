"""Two states: what is waited for, a length or a text, and how many bytes of it are missing."""

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.pieces = []
        self.missing = 4
        self.in_text = False

    def feed(self, data):
        data = bytes(data)
        messages = []
        while len(data) >= self.missing:
            part = b"".join(self.pieces) + data[: self.missing]
            data = data[self.missing :]
            self.pieces = []
            if self.in_text:
                messages.append(part.decode())
                self.missing, self.in_text = 4, False
            else:
                self.missing, self.in_text = int.from_bytes(part, "big"), True
                if self.missing > LIMIT:
                    raise ValueError(part)
        if data:
            self.pieces.append(data)
            self.missing -= len(data)
        return messages

    def end(self):
        if self.in_text or self.pieces:
            raise ValueError("the end came too early")
