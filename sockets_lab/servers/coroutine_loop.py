"""A coroutine for each connection, on the small loop of `event_loop`: what `await` is and costs.

The code for one connection is written in the order in which it happens. Where it has to wait it
says for what, and gives the thread back: `await until(READ)`. The loop resumes it when its socket
is ready. What asyncio has besides, timers, futures, callbacks from other threads, is not needed to
serve.

An idle client, and the stop of the server, are exceptions that the loop raises at such an `await`.
"""

import selectors
import socket
import types
from collections.abc import Coroutine, Generator
from threading import Event
from time import monotonic

from sockets_lab.framing import Violation
from sockets_lab.servers.event_loop import READ, WRITE, Connection, EventLoop
from sockets_lab.servers.limits import READ_BYTES, Limits
from sockets_lab.servers.services import Responder, Service, echo

__all__ = ["serve"]


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener`, all in this thread; see `sockets_lab.servers`."""
    with selectors.DefaultSelector() as selector, listener:
        Loop(listener, selector, service, limits).run(stop)


class Draining(Exception):
    """The server stops: raised in a coroutine that waits for its client's next bytes."""


@types.coroutine
def until(events: int) -> Generator[int, None, None]:
    """Give the thread back until the connection's socket is ready."""
    yield events


async def serve_connection(sock: socket.socket, respond: Responder, drain_s: float) -> None:
    """Answer one client until the end of its stream, a violation, or the stop of the server.

    Ends in a lingering close.
    """
    try:
        while True:
            await until(READ)
            try:
                received = sock.recv(READ_BYTES)
            except BlockingIOError:
                continue
            reply = respond(received)
            while reply:
                try:
                    reply = reply[sock.send(reply) :]
                except BlockingIOError:
                    await until(WRITE)
            if not received:
                return
    except (Draining, Violation):
        sock.shutdown(socket.SHUT_WR)
    await linger(sock, drain_s)


async def linger(sock: socket.socket, at_most_s: float) -> None:
    """Discard what still comes: closing with unread bytes would reset the connection."""
    until_s = monotonic() + at_most_s
    while monotonic() < until_s:
        try:
            await until(READ)
            if not sock.recv(READ_BYTES):
                return
        except (BlockingIOError, Draining):
            pass  # when the server stops, a connection that is closing already goes on closing


class Task(Connection):
    """A connection and its coroutine; `closing` once Draining was raised in it."""

    __slots__ = "closing", "coroutine"

    def __init__(
        self, sock: socket.socket, coroutine: Coroutine[int, None, None], idle_at_s: float
    ) -> None:
        super().__init__(sock, idle_at_s)
        self.coroutine, self.closing = coroutine, False


class Loop(EventLoop[Task]):
    """The event loop of `serve`."""

    def __init__(
        self,
        listener: socket.socket,
        selector: selectors.BaseSelector,
        service: Service,
        limits: Limits,
    ) -> None:
        super().__init__(listener, selector, limits)
        self.service = service

    def on_accept(self, sock: socket.socket) -> None:
        coroutine = serve_connection(sock, self.service(), self.limits.drain_s)
        task = Task(sock, coroutine, self.idle_at_s)
        self.watch(task)
        self.step(task)

    def on_event(self, task: Task, events: int) -> None:
        task.idle_at_s = self.idle_at_s
        self.step(task)

    def step(self, task: Task, error: Exception | None = None) -> None:
        """Resume a coroutine until it waits again; close its connection when it has ended."""
        try:
            run = task.coroutine
            interest = run.send(None) if error is None else run.throw(error)
        except (StopIteration, OSError):  # it has returned, or the client is gone
            return self.close(task)
        except BaseException:
            self.close(task)
            raise
        if interest != task.interest:
            task.interest = interest
            self.selector.modify(task.sock, interest, task)
        if self.draining and interest == READ:
            self.start_closing(task)

    def start_closing(self, task: Task) -> None:
        if task.interest == READ and not task.closing:
            task.closing = True
            self.step(task, Draining())

    def close_idle(self) -> None:
        self.idle_checked_s = self.now_s
        for task in list(self.connections):
            if self.now_s > task.idle_at_s:
                self.step(task, TimeoutError("the client was idle for too long"))

    def release(self, task: Task) -> None:
        task.coroutine.close()
        task.sock.close()
