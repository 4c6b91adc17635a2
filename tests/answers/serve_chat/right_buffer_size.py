"""Never waits for a writer: looks at how much is unsent, and drops who has too much."""

import asyncio

MOST = 262_144


async def serve_chat(listener):
    writers = set()

    def broadcast(line, sender):
        for writer in tuple(writers - {sender}):
            if writer.transport.get_write_buffer_size() > MOST:
                writers.discard(writer)
                writer.transport.abort()
            else:
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
