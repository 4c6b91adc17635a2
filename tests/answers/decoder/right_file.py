"""An io.BytesIO as a buffer, read like a file and rewound when too little is there."""

import io
import struct

LIMIT = 65_536


class Decoder:
    def __init__(self):
        self.buffer = io.BytesIO()

    def feed(self, data):
        self.buffer.seek(0, io.SEEK_END)
        self.buffer.write(data)
        self.buffer.seek(0)
        messages = []
        while (message := self.read_message()) is not None:
            messages.append(message)
        self.buffer = io.BytesIO(self.buffer.read())
        return messages

    def read_message(self):
        begin = self.buffer.tell()
        header = self.buffer.read(4)
        if len(header) == 4:
            (length,) = struct.unpack(">L", header)
            if length > LIMIT:
                raise ValueError("too long")
            text = self.buffer.read(length)
            if len(text) == length:
                return text.decode("utf-8")
        self.buffer.seek(begin)
        return None

    def end(self):
        if self.buffer.getvalue():
            raise ValueError("torn")
