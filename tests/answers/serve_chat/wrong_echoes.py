"""Sends a line to all, its sender included."""

import asyncio
from contextlib import suppress

CAUGHT_BY = "sends nothing back to the sender"
ALSO = (
    "passes on whole lines only",
    "splits lines that come in one piece, and keeps their order",
    "keeps serving members beside one who never reads",
    "drops a member who is too far behind",
    "survives members who leave and who reset",
    "closes the connections of members who have left",
    "passes a line on to the others",
)
HINT = "skip the writer"


async def serve_chat(listener):
    members = {}

    async def hand_over(queue, writer):
        with suppress(OSError):
            while True:
                writer.write(await queue.get())
                await writer.drain()

    def pass_on(line, sender):
        for writer, queue in list(members.items()):
            try:
                queue.put_nowait(line)
            except asyncio.QueueFull:
                writer.transport.abort()

    async def member(reader, writer):
        queue = members[writer] = asyncio.Queue(200)
        sender = asyncio.create_task(hand_over(queue, writer))
        try:
            while (line := await reader.readline()).endswith(b"\n"):
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
