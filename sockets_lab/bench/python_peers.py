"""Peers in Python: typical echo servers on asyncio and uvloop.

They only echo: no idle deadline, no drain. That is to their advantage.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from threading import Event
from typing import Final, cast

__all__ = [
    "Echo",
    "buffered_protocol",
    "serve_protocol",
    "serve_streams",
    "streams",
    "streams_warmed",
    "uvloop_protocol",
    "uvloop_streams",
]

_STOP_CHECK_S: Final = 0.1
_BACKLOG: Final = 4096
_READ_BYTES: Final = 16_384


def streams(listener: socket.socket, *, stop: Event) -> None:
    """Serve with asyncio's streams as shipped, in a fresh process.

    asyncio asks for 256 KiB with each read, and Python's allocator gets such a block from mmap(2):
    in a process whose heap has not grown each message costs an mmap, an mremap and a munmap.
    """
    asyncio.run(serve_streams(listener, stop))


def streams_warmed(listener: socket.socket, *, stop: Event) -> None:
    """Serve with `streams` after one large block was freed.

    From then on malloc takes such blocks from the heap: see M_MMAP_THRESHOLD in mallopt(3).
    """
    block = bytearray(8 << 20)
    del block
    asyncio.run(serve_streams(listener, stop))


def uvloop_streams(listener: socket.socket, *, stop: Event) -> None:
    """Serve with asyncio's streams on uvloop."""
    import uvloop

    uvloop.run(serve_streams(listener, stop))


def uvloop_protocol(listener: socket.socket, *, stop: Event) -> None:
    """Serve with a Protocol on uvloop, its fastest interface: a callback for each event."""
    import uvloop

    uvloop.run(serve_protocol(listener, stop, Echo))


def buffered_protocol(listener: socket.socket, *, stop: Event) -> None:
    """Serve with asyncio's BufferedProtocol, its fastest: all connections read into one buffer."""
    buffer = bytearray(_READ_BYTES)
    asyncio.run(serve_protocol(listener, stop, lambda: _BufferedEcho(buffer)))


async def serve_streams(
    listener: socket.socket, stop: Event, context: ssl.SSLContext | None = None
) -> None:
    """Echo with streams until `stop` is set; over TLS if `context` is given."""
    server = await asyncio.start_server(_echo, sock=listener, backlog=_BACKLOG, ssl=context)
    await _close_at(stop, server)


async def serve_protocol(
    listener: socket.socket,
    stop: Event,
    protocol: Callable[[], asyncio.BaseProtocol],
    context: ssl.SSLContext | None = None,
) -> None:
    """Echo with protocols until `stop` is set; over TLS if `context` is given."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, sock=listener, backlog=_BACKLOG, ssl=context)
    await _close_at(stop, server)


async def _close_at(stop: Event, server: asyncio.AbstractServer) -> None:
    while not stop.is_set():
        await asyncio.sleep(_STOP_CHECK_S)
    server.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while received := await reader.read(_READ_BYTES):
            writer.write(received)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


class Echo(asyncio.Protocol):
    """An echo with backpressure: it reads no more while its replies cannot be sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class _BufferedEcho(asyncio.BufferedProtocol):
    def __init__(self, buffer: bytearray) -> None:
        self.buffer = memoryview(buffer)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.transport.write(bytes(self.buffer[:nbytes]))

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()
