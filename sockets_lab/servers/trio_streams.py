"""A coroutine for each connection, on Trio, which has to be installed (`pip install trio`).

Trio has no task that outlives its block and no callback. A deadline is a *cancel scope*, and `stop`
cancels the scopes in which conversations wait to read.
"""

import socket
from contextlib import suppress
from threading import Event

import trio

from sockets_lab.framing import Violation
from sockets_lab.servers.limits import GLANCE_S, READ_BYTES, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener` in an event loop of its own; see `sockets_lab.servers`."""
    trio.run(_serve, listener, service, stop, limits)


async def _serve(listener: socket.socket, service: Service, stop: Event, limits: Limits) -> None:
    talks = _Talks(service, limits)
    door = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
    async with trio.open_nursery() as conversations:
        async with trio.open_nursery() as accepting:
            accepting.start_soon(_accept, talks, door, conversations)
            while not stop.is_set():
                await trio.sleep(GLANCE_S)
            accepting.cancel_scope.cancel()
        await door.aclose()
        await trio.sleep(0)  # what has come is read ...
        await trio.sleep(0)  # ... and answered
        talks.dismiss()
        conversations.cancel_scope.deadline = trio.current_time() + limits.drain_s


async def _accept(talks: "_Talks", door: trio.SocketListener, conversations: trio.Nursery) -> None:
    await trio.serve_listeners(talks.talk, [door], handler_nursery=conversations)


class _Talks:
    """The conversations under way."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits, self._dismissed = service, limits, False
        self._reading: set[trio.CancelScope] = set()

    async def talk(self, stream: trio.SocketStream) -> None:
        """One conversation, from the first byte to close()."""
        with suppress(trio.BrokenResourceError):  # the client has vanished
            if not await self._answer_all(stream):
                await self._say_goodbye(stream)

    def dismiss(self) -> None:
        """End the conversations in which nothing is under way."""
        self._dismissed = True
        for scope in self._reading:
            scope.cancel()

    async def _answer_all(self, stream: trio.SocketStream) -> bool:
        """Answer what comes; tell whether that was all, since the client has ended its stream."""
        converse = self._service()
        while not self._dismissed:
            received = await self._read(stream)
            if received is None:
                return False
            try:
                reply = converse(received)
            except Violation:
                return False
            with trio.move_on_after(self._limits.idle_s) as taking:
                await stream.send_all(reply)
            if taking.cancelled_caught or not received:
                return True
        return False

    async def _read(self, stream: trio.SocketStream) -> bytes | None:
        """What the client says; None if it is idle for too long, or to leave."""
        with trio.move_on_after(self._limits.idle_s) as scope:
            self._reading.add(scope)
            try:
                return bytes(await stream.receive_some(READ_BYTES))
            finally:
                self._reading.discard(scope)
        return None

    async def _say_goodbye(self, stream: trio.SocketStream) -> None:
        """End the stream and read to the end of the client's: closed now, it would be reset."""
        with trio.move_on_after(self._limits.drain_s):
            await stream.send_eof()
            while await stream.receive_some(READ_BYTES):
                pass
