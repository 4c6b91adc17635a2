"""A coroutine for each connection, and asyncio for the deadlines."""

import asyncio
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path


def serve_files(listener, folder, deadline_s, each, stop):
    asyncio.run(serve(listener, folder, deadline_s, each, stop))


async def serve(listener, folder, deadline_s, each, stop):
    counts, tasks = Counter(), set()
    with listener:
        listener.settimeout(0)
        while not stop.is_set():
            try:
                connection, peer = listener.accept()
            except OSError:
                await asyncio.sleep(0.01)
                continue
            if counts[peer[0]] >= each:
                connection.close()
                continue
            counts[peer[0]] += 1
            task = asyncio.create_task(attend(connection, peer[0], counts, folder, deadline_s))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)


async def attend(connection, host, counts, folder, deadline_s):
    loop = asyncio.get_running_loop()
    try:
        with connection, suppress(OSError, EOFError, ValueError):
            connection.setblocking(False)
            async with asyncio.timeout(deadline_s):
                length = int.from_bytes(await receive(loop, connection, 4))
                if length > 255:
                    return
                name = (await receive(loop, connection, length)).decode()
            text = inside(folder, name).read_bytes()
            async with asyncio.timeout(deadline_s):
                await loop.sock_sendall(connection, len(text).to_bytes(4) + text)
    finally:
        counts[host] -= 1


def inside(folder, name):
    root, place = os.path.realpath(folder), os.path.realpath(os.path.join(folder, name))
    if os.path.commonpath([root, place]) != root:
        raise PermissionError(name)
    return Path(place)


async def receive(loop, connection, nbytes):
    received = bytearray()
    while len(received) < nbytes:
        piece = await loop.sock_recv(connection, nbytes - len(received))
        if not piece:
            raise EOFError
        received += piece
    return bytes(received)
