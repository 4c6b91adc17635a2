"""A coroutine for each connection, on asyncio's streams: reads like a thread, waits like a loop.

Idle clients and `stop` end in the same way: the deadline of a conversation that waits to read is
moved to now, and it goes on as if its client had been idle. One that has a reply under way is left
to finish it.
"""

import asyncio
import socket
from contextlib import suppress
from threading import Event
from typing import Final

from sockets_lab.framing import Violation
from sockets_lab.servers.limits import GLANCE_S, OVERLOAD, READ_BYTES, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve", "serve_here"]

_BACKLOG: Final = 4096


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener` in an event loop of its own; see `sockets_lab.servers`."""
    asyncio.run(serve_here(listener, service, stop=stop, limits=limits))


async def serve_here(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """The same in the event loop that runs already, as in a notebook's cell."""
    talks = _Talks(service, limits)
    asyncio.get_running_loop().set_exception_handler(_told)
    # start_server() calls listen() once more, with a backlog of its own.
    server = await asyncio.start_server(talks.talk, sock=listener, backlog=_BACKLOG)
    try:
        while not stop.is_set() and talks.fault is None:
            await asyncio.sleep(GLANCE_S)
    finally:
        server.close()
        await talks.drain()
    if talks.fault is not None:
        raise talks.fault


def _told(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Pass on what asyncio has to say, but that it is out of descriptors: it waits for a second."""
    error = context.get("exception")
    if not (isinstance(error, OSError) and error.errno in OVERLOAD):
        loop.default_exception_handler(context)


class _Talks:
    """The conversations under way, each in a task of its own."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits, self._draining = service, limits, False
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._reading: set[asyncio.Timeout] = set()
        self.fault: Exception | None = None

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation, from the first byte to close()."""
        task = asyncio.current_task()
        if task is not None:  # there is one: this is a coroutine
            self._tasks[task] = writer
        try:
            with suppress(OSError):  # it has vanished, or takes nothing
                if not await self._answer_all(reader, writer):
                    await self._say_goodbye(reader, writer)
            await self._close(writer)
        except Exception as fault:  # asyncio would only log it
            self.fault = fault
        finally:
            writer.transport.abort()
            if task is not None:
                del self._tasks[task]

    async def drain(self) -> None:
        """End the conversations in which nothing is under way, and wait a while for the others."""
        await asyncio.sleep(0)  # what has come is read ...
        await asyncio.sleep(0)  # ... and answered
        self._draining = True
        now_s = asyncio.get_running_loop().time()
        for deadline in list(self._reading):
            if not deadline.expired():
                deadline.reschedule(now_s)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._limits.drain_s)
        late = dict(self._tasks)
        for writer in late.values():
            writer.transport.abort()  # its conversation finds that nobody is there any more
        await asyncio.gather(*late)

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer what comes; tell whether that was all, since the client has ended its stream."""
        converse = self._service()
        writer.transport.set_write_buffer_limits(self._limits.buffered)
        while not self._draining:
            try:
                received = await self._read(reader)
                reply = converse(received)
            except (TimeoutError, Violation):
                return False
            writer.write(reply)
            if writer.transport.get_write_buffer_size():
                async with asyncio.timeout(self._limits.idle_s):
                    await writer.drain()  # waits only while more than `buffered` bytes are unsent
            if not received:
                return True
        return False

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        async with asyncio.timeout(self._limits.idle_s) as deadline:
            self._reading.add(deadline)
            try:
                return await reader.read(READ_BYTES)
            finally:
                self._reading.discard(deadline)

    async def _say_goodbye(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """End the stream and read to the end of the client's: closed now, it would be reset."""
        writer.write_eof()
        async with asyncio.timeout(self._limits.drain_s):
            while await reader.read(READ_BYTES):
                pass

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        """Let the client take what is unsent, for a while."""
        writer.close()
        with suppress(OSError):
            async with asyncio.timeout(self._limits.drain_s):
                await writer.wait_closed()
