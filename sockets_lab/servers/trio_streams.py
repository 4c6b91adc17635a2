"""A coroutine for each connection, on Trio, which has to be installed (`pip install trio`).

Trio has no task that outlives its block, and no callbacks. A deadline is a *cancel scope*, and
`stop` cancels the scopes in which connections wait to read.
"""

import socket
from contextlib import suppress
from threading import Event

import trio

from sockets_lab.framing import Violation
from sockets_lab.servers.limits import READ_BYTES, STOP_CHECK_S, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener` in a new Trio event loop; see `sockets_lab.servers`."""
    trio.run(_serve, listener, service, stop, limits)


async def _serve(listener: socket.socket, service: Service, stop: Event, limits: Limits) -> None:
    connections = _Connections(service, limits)
    trio_listener = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
    async with trio.open_nursery() as serving:
        async with trio.open_nursery() as accepting:
            accepting.start_soon(_accept, connections, trio_listener, serving)
            while not stop.is_set():
                await trio.sleep(STOP_CHECK_S)
            accepting.cancel_scope.cancel()
        await trio_listener.aclose()
        await trio.sleep(0)  # what has arrived is read ...
        await trio.sleep(0)  # ... and answered
        connections.start_closing()
        serving.cancel_scope.deadline = trio.current_time() + limits.drain_s


async def _accept(
    connections: "_Connections", listener: trio.SocketListener, serving: trio.Nursery
) -> None:
    await trio.serve_listeners(connections.serve_connection, [listener], handler_nursery=serving)


class _Connections:
    """The connections under way."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits, self._draining = service, limits, False
        self._reading: set[trio.CancelScope] = set()

    async def serve_connection(self, stream: trio.SocketStream) -> None:
        """Serve one client, from the first byte to close()."""
        with suppress(trio.BrokenResourceError):  # the client has vanished
            if not await self._answer_until_end(stream):
                await self._linger(stream)

    def start_closing(self) -> None:
        """End the connections that have nothing under way."""
        self._draining = True
        for scope in self._reading:
            scope.cancel()

    async def _answer_until_end(self, stream: trio.SocketStream) -> bool:
        """Answer what arrives; return True if the client ended its stream or takes nothing."""
        respond = self._service()
        while not self._draining:
            received = await self._read(stream)
            if received is None:
                return False
            try:
                reply = respond(received)
            except Violation:
                return False
            with trio.move_on_after(self._limits.idle_s) as sending:
                await stream.send_all(reply)
            if sending.cancelled_caught or not received:
                return True
        return False

    async def _read(self, stream: trio.SocketStream) -> bytes | None:
        """Return what the client sent; None if it is idle for too long, or the server drains."""
        with trio.move_on_after(self._limits.idle_s) as scope:
            self._reading.add(scope)
            try:
                return bytes(await stream.receive_some(READ_BYTES))
            finally:
                self._reading.discard(scope)
        return None

    async def _linger(self, stream: trio.SocketStream) -> None:
        """Do a lingering close: end the stream, discard what the client sends until its end."""
        with trio.move_on_after(self._limits.drain_s):
            await stream.send_eof()
            while await stream.receive_some(READ_BYTES):
                pass
