"""A coroutine for each connection, on a loop of our own: what `await` is, and all that it costs.

A conversation is written in the order in which it happens. Where it has to wait it says for what,
and gives the thread back: `await until(READ)`. The loop goes on with it when its socket is ready.
What asyncio has besides, timers, futures, callbacks from other threads, is not needed to serve.

An idle client, and the stop of the server, are exceptions that the loop raises at such an `await`.
"""

import selectors
import socket
import types
from collections.abc import Coroutine, Generator
from threading import Event
from time import monotonic

from sockets_lab.framing import Violation
from sockets_lab.servers.acceptor import ALL, Acceptor, share, take_socket
from sockets_lab.servers.limits import GLANCE_S, READ_BYTES, Limits
from sockets_lab.servers.services import Conversation, Service, echo

__all__ = ["serve"]

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Leave(Exception):
    """The server stops: raised in a conversation that waits for its client to say something."""


@types.coroutine
def until(events: int) -> Generator[int, None, None]:
    """Give the thread back until the conversation's socket is ready."""
    yield events


async def talk(sock: socket.socket, converse: Conversation, drain_s: float) -> None:
    """One conversation, until the client has ended its stream, or is to leave."""
    try:
        while True:
            await until(READ)
            try:
                received = sock.recv(READ_BYTES)
            except BlockingIOError:
                continue
            reply = converse(received)
            while reply:
                try:
                    reply = reply[sock.send(reply) :]
                except BlockingIOError:
                    await until(WRITE)
            if not received:
                return
    except (Leave, Violation):
        sock.shutdown(socket.SHUT_WR)
    await read_to_end(sock, drain_s)


async def read_to_end(sock: socket.socket, at_most_s: float) -> None:
    """Throw away what still comes: to close with unread bytes would reset the client."""
    until_s = monotonic() + at_most_s
    while monotonic() < until_s:
        await until(READ)
        try:
            if not sock.recv(READ_BYTES):
                return
        except BlockingIOError:
            pass


class Task:
    """A conversation, and what it waits for."""

    __slots__ = "awaits", "coroutine", "heard_s", "leaving", "sock"

    def __init__(
        self, sock: socket.socket, coroutine: Coroutine[int, None, None], now_s: float
    ) -> None:
        self.sock, self.coroutine, self.heard_s = sock, coroutine, now_s
        self.awaits, self.leaving = READ, False


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener`, all in this thread; see `sockets_lab.servers`."""
    with selectors.DefaultSelector() as selector, listener:
        loop = Loop(listener, selector, service, limits)
        try:
            while not stop.is_set():
                loop.turn(GLANCE_S)
            loop.drain()
        finally:
            for task in list(loop.tasks):
                loop.end(task)


class Loop:
    def __init__(
        self,
        listener: socket.socket,
        selector: selectors.BaseSelector,
        service: Service,
        limits: Limits,
    ) -> None:
        self.selector, self.service, self.limits = selector, service, limits
        self.tasks: set[Task] = set()
        self.draining = False
        self.now_s = self.swept_s = monotonic()
        self.door = Acceptor(
            listener, take_socket, lambda sock: selector.register(sock, READ), selector.unregister
        )

    def turn(self, timeout_s: float) -> None:
        ready = self.selector.select(timeout_s)
        self.now_s = monotonic()
        for key, _ in ready:
            if task := key.data:
                task.heard_s = self.now_s
                self.step(task)
            else:
                self.welcome(share(len(ready)))
        self.door.reopen(self.now_s)
        if self.now_s - self.swept_s > self.limits.idle_s / 8:
            self.sweep()

    def welcome(self, at_most: int) -> None:
        for sock in self.door.accept(at_most):
            conversation = talk(sock, self.service(), self.limits.drain_s)
            task = Task(sock, conversation, self.now_s)
            self.tasks.add(task)
            self.selector.register(sock, READ, task)
            self.step(task)

    def step(self, task: Task, error: Exception | None = None) -> None:
        """Let a conversation go on until it waits again; close its socket when it has ended."""
        try:
            run = task.coroutine
            awaits = run.send(None) if error is None else run.throw(error)
        except (StopIteration, OSError):  # it is over, or there is nobody any more
            return self.end(task)
        except BaseException:
            self.end(task)
            raise
        if awaits != task.awaits:
            task.awaits = awaits
            self.selector.modify(task.sock, awaits, task)
        if self.draining and awaits == READ:
            self.dismiss(task)

    def dismiss(self, task: Task) -> None:
        if not task.leaving:
            task.leaving = True
            self.step(task, Leave())

    def end(self, task: Task) -> None:
        task.coroutine.close()
        self.tasks.discard(task)
        self.selector.unregister(task.sock)
        task.sock.close()

    def sweep(self) -> None:
        self.swept_s = self.now_s
        for task in list(self.tasks):
            if self.now_s - task.heard_s > self.limits.idle_s:
                self.step(task, TimeoutError("the client was idle for too long"))

    def drain(self) -> None:
        """Answer what has come, say goodbye, and give the clients some time to take it."""
        self.welcome(ALL)
        self.door.close()
        self.turn(0)
        self.draining = True
        for task in list(self.tasks):
            if task.awaits == READ:
                self.dismiss(task)
        until_s = self.now_s + self.limits.drain_s
        while self.tasks and self.now_s < until_s:
            self.turn(GLANCE_S)
