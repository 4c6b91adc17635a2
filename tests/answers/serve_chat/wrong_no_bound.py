"""Writes without drain() and without a bound."""

import asyncio

CAUGHT_BY = "drops a member who is too far behind"
HINT = "limit what waits for one member"

MOST = 262_144


async def serve_chat(listener):
    writers = set()

    def broadcast(line, sender):
        for writer in tuple(writers - {sender}):
            writer.write(line)

    async def talk(reader, writer):
        writers.add(writer)
        try:
            while True:
                broadcast(await reader.readuntil(b"\n"), writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writers.discard(writer)
            writer.transport.abort()

    server = await asyncio.start_server(talk, sock=listener)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        server.close()
        while writers:
            writers.pop().transport.abort()
