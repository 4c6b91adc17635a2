"""Keeps all members in one task group: the error of one ends all."""

import asyncio

CAUGHT_BY = "survives members who leave and who reset"
ALSO = (
    "survives an endless line",
    "closes everything when it is cancelled",
    "keeps serving members beside one who never reads",
    "drops a member who is too far behind",
    "closes the connections of members who have left",
)
HINT = "catch what this member's own"


async def serve_chat(listener):
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    writers = set()

    async def talk(sock):
        reader, writer = await asyncio.open_connection(sock=sock)
        writers.add(writer)
        try:
            while line := await reader.readline():
                for other in tuple(writers - {writer}):
                    if other.transport.get_write_buffer_size() > 262_144:
                        other.transport.abort()
                    else:
                        other.write(line)
        finally:
            writers.discard(writer)
            writer.transport.abort()

    with listener:
        async with asyncio.TaskGroup() as group:
            while True:
                sock, _ = await loop.sock_accept(listener)
                group.create_task(talk(sock))
