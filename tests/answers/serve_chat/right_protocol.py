"""A protocol without streams: callbacks for each event."""

import asyncio


class Member(asyncio.Protocol):
    def __init__(self, members):
        self.members, self.held = members, b""
        self.full = False

    def connection_made(self, transport):
        self.transport = transport
        self.members.append(self)

    def connection_lost(self, error):
        self.members.remove(self)

    def data_received(self, data):
        *lines, self.held = (self.held + data).split(b"\n")
        if len(self.held) > 65_536:
            self.transport.abort()
        for line in lines:
            for other in list(self.members):
                if other is not self:
                    other.hear(line + b"\n")

    def hear(self, line):
        if self.transport.get_write_buffer_size() > 500_000:
            self.transport.abort()
        else:
            self.transport.write(line)


async def serve_chat(listener):
    members = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Member(members), sock=listener)
    try:
        while True:
            await asyncio.sleep(3600)
    finally:
        server.close()
        for member in list(members):
            member.transport.abort()
