"""Passes on what read() gives, line or not."""

import asyncio
from contextlib import suppress

CAUGHT_BY = "passes on whole lines only"
ALSO = (
    "survives an endless line",
    "keeps serving members beside one who never reads",
    "drops a member who is too far behind",
)
HINT = "readline"


async def serve_chat(listener):
    members = {}

    async def hand_over(queue, writer):
        with suppress(OSError):
            while True:
                writer.write(await queue.get())
                await writer.drain()

    def pass_on(line, sender):
        for writer, queue in list(members.items()):
            if writer is not sender:
                try:
                    queue.put_nowait(line)
                except asyncio.QueueFull:
                    writer.transport.abort()

    async def member(reader, writer):
        queue = members[writer] = asyncio.Queue(200)
        sender = asyncio.create_task(hand_over(queue, writer))
        try:
            while line := await reader.read(4096):
                pass_on(line, writer)
        except (OSError, ValueError):
            pass
        finally:
            del members[writer]
            sender.cancel()
            writer.transport.abort()

    server = await asyncio.start_server(member, sock=listener)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        for writer in list(members):
            writer.transport.abort()
