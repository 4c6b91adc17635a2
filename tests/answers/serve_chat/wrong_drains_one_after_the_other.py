"""Waits in drain() for each member in turn: the slowest holds up all."""

import asyncio

CAUGHT_BY = "keeps serving members beside one who never reads"
ALSO = (
    "drops a member who is too far behind",
    "survives members who leave and who reset",
)
HINT = "do not wait for members one after the other"

MOST = 262_144


async def serve_chat(listener):
    writers = set()

    async def broadcast(line, sender):
        for writer in tuple(writers - {sender}):
            writer.write(line)
            await writer.drain()

    async def talk(reader, writer):
        writers.add(writer)
        try:
            while True:
                await broadcast(await reader.readuntil(b"\n"), writer)
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
