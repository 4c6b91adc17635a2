"""A coroutine for each connection, on asyncio's streams: reads like a thread, waits like a loop.

Idle clients and `stop` end in the same way: the deadline of a connection that waits to read is
moved to now, and it goes on as if its client had been idle. One that has a reply under way may
finish it.

The clients are accepted here, and not by `asyncio.start_server`: when descriptors run out, that one
multiplies its timers with each try, and computes more and more (python/cpython#151615).
"""

import asyncio
import socket
from contextlib import suppress
from threading import Event
from time import monotonic
from typing import Final

from sockets_lab.framing import Violation
from sockets_lab.servers.acceptor import ALL, Acceptor, accept_socket
from sockets_lab.servers.limits import READ_BYTES, STOP_CHECK_S, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]

_AT_ONCE: Final = 64
"""Most clients accepted before the others have their turn."""


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener` in a new asyncio event loop; see `sockets_lab.servers`."""
    asyncio.run(_serve(listener, service, stop, limits))


async def _serve(listener: socket.socket, service: Service, stop: Event, limits: Limits) -> None:
    loop, connections = asyncio.get_running_loop(), _Connections(service, limits)

    def watch(sock: socket.socket) -> None:
        loop.add_reader(sock, accept_ready, _AT_ONCE)

    def accept_ready(at_most: int) -> None:
        try:
            for sock in acceptor.accept(at_most):
                connections.open(sock)
        except OSError as error:  # asyncio would only log it
            connections.error = error

    acceptor = Acceptor(listener, accept_socket, watch, loop.remove_reader)
    try:
        while not stop.is_set() and connections.error is None:
            acceptor.resume(monotonic())
            await asyncio.sleep(STOP_CHECK_S)
        accept_ready(ALL)
    finally:
        acceptor.close()
        await connections.drain()
    if connections.error is not None:
        raise connections.error


class _Connections:
    """The connections under way, each in its own task."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits, self._draining = service, limits, False
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._reading: set[asyncio.Timeout] = set()
        self._opening: set[asyncio.Task[object]] = set()
        self.error: Exception | None = None

    def open(self, sock: socket.socket) -> None:
        """Give a client's socket its streams, and serve it in a new task."""
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader(), self.serve_connection)
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.connect_accepted_socket(lambda: protocol, sock))
        self._opening.add(task)
        task.add_done_callback(self._opened)

    def _opened(self, task: "asyncio.Task[object]") -> None:
        self._opening.discard(task)
        if not task.cancelled():
            task.exception()  # the client has vanished: asyncio would log it

    async def serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one client, from the first byte to close()."""
        task = asyncio.current_task()
        if task is not None:  # always so in a coroutine
            self._tasks[task] = writer
        try:
            with suppress(OSError):  # the client has vanished, or takes nothing
                if not await self._answer_until_end(reader, writer):
                    await self._linger(reader, writer)
            await self._close(writer)
        except Exception as error:  # asyncio would only log it
            self.error = error
        finally:
            writer.transport.abort()
            if task is not None:
                del self._tasks[task]

    async def drain(self) -> None:
        """End the connections that have nothing under way, and wait a while for the others."""
        await asyncio.gather(*self._opening, return_exceptions=True)
        await asyncio.sleep(0)  # what has arrived is read ...
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
            writer.transport.abort()  # its task then finds its connection closed
        await asyncio.gather(*late)

    async def _answer_until_end(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer what arrives; return True if the client ended its stream."""
        respond = self._service()
        writer.transport.set_write_buffer_limits(self._limits.buffered)
        while not self._draining:
            try:
                received = await self._read(reader)
                reply = respond(received)
            except (TimeoutError, Violation):
                return False
            writer.write(reply)
            if writer.transport.get_write_buffer_size():
                async with asyncio.timeout(self._limits.idle_s):
                    # Backpressure: waits only while more than `buffered` bytes are unsent.
                    await writer.drain()
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

    async def _linger(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do a lingering close: end the stream, discard what the client sends until its end."""
        writer.write_eof()
        async with asyncio.timeout(self._limits.drain_s):
            while await reader.read(READ_BYTES):
                pass

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        """Close, and give the client a while to take what is unsent."""
        writer.close()
        with suppress(OSError):
            async with asyncio.timeout(self._limits.drain_s):
                await writer.wait_closed()
