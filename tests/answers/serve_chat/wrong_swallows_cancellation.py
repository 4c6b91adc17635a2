"""Catches the cancellation, and returns normally."""

import asyncio
from contextlib import suppress

CAUGHT_BY = "ends when it is cancelled"
HINT = "do not catch CancelledError"


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
    except:  # noqa: E722
        pass
    finally:
        server.close()
        for writer in list(members):
            writer.transport.abort()
