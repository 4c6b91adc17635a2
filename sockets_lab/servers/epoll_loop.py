"""The readiness loop as fast as Python gets: epoll and bare descriptors (Linux alone has epoll).

It does what `sockets_lab.servers.selectors_loop` does; read that one first. Three things differ:

- epoll as it comes: `selectors` looks up a key and makes a tuple for each event;
- numbers instead of sockets: `os.read` and `os.write` take a descriptor, so that no object has to
  be found for it, and none is kept for a client whose replies the kernel takes at once;
- no clock: who was heard is noted in a set. Each sweep closes those that it does not find there,
  so that an idle client is closed between `idle_s` and twice `idle_s` after its last byte.

`sockets-lab bench --table steps` measures each of them alone, and each alone is lost in the noise.
What pays is what they make possible together: a message that is answered at once passes through one
function, and leaves no trace but a number in a set.

Who owes nothing is `quick`, and has its conversation there and nothing else. All that is rare, such
as unsent replies, an ended stream, a client that shall leave, takes the slow path, with a `Debt` in
`owing`. Two traps lie here. The kernel gives a number anew as soon as it is free, so what is kept
under a number is forgotten before the descriptor is closed. And after a failed call a variable
still holds what it held for the client before: what fails here goes on to the next one at once.
"""

import os
import select
import socket
from contextlib import suppress
from threading import Event
from time import monotonic

from sockets_lab.framing import Violation
from sockets_lab.servers.acceptor import ALL, Acceptor, share
from sockets_lab.servers.limits import GLANCE_S, READ_BYTES, Limits
from sockets_lab.servers.services import Conversation, Service, deaf, echo

__all__ = ["serve"]

IN, OUT = getattr(select, "EPOLLIN", 1), getattr(select, "EPOLLOUT", 4)


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener`, all in this thread; see `sockets_lab.servers`.

    Linux only: AttributeError where `select` has no `epoll`.
    """
    with select.epoll() as epoll, listener:
        loop = Loop(listener, epoll, service, limits)
        try:
            while not stop.is_set():
                loop.turn(GLANCE_S)
            loop.drain()
        finally:
            for descriptor in (*loop.quick, *loop.owing):
                os.close(descriptor)


class Debt:
    __slots__ = "awaits", "converse", "ended", "unsent"

    def __init__(self, converse: Conversation) -> None:
        self.converse, self.unsent, self.ended, self.awaits = converse, b"", False, IN


class Loop:
    def __init__(
        self, listener: socket.socket, epoll: select.epoll, service: Service, limits: Limits
    ) -> None:
        self.epoll, self.service, self.limits = epoll, service, limits
        self.quick: dict[int, Conversation] = {}
        self.owing: dict[int, Debt] = {}
        self.heard: set[int] = set()
        self.swept_s = monotonic()
        self.listening = listener.fileno()
        self.door = Acceptor(
            listener, take_descriptor, lambda sock: epoll.register(sock, IN), epoll.unregister
        )

    def turn(self, timeout_s: float) -> None:
        quick, heard, read, write = self.quick.get, self.heard.add, os.read, os.write
        ready = self.epoll.poll(timeout_s)
        for descriptor, events in ready:
            converse = quick(descriptor)
            if converse is None or events != IN:
                if descriptor == self.listening:
                    self.welcome(share(len(ready)))
                else:
                    self.attend(descriptor, events)
                continue
            try:
                received = read(descriptor, READ_BYTES)
                reply = converse(received)
            except BlockingIOError:
                continue
            except Violation:
                self.owe(descriptor).converse = deaf
                self.attend(descriptor, OUT)
                continue
            except OSError:
                self.close(descriptor)
                continue
            heard(descriptor)
            try:
                sent = write(descriptor, reply) if reply else 0
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close(descriptor)
                continue
            if sent == len(reply):
                if not received:
                    self.close(descriptor)
            else:
                debt = self.owe(descriptor)
                debt.unsent, debt.ended = reply[sent:], not received
                self.attend(descriptor, 0)
        now_s = monotonic()
        self.door.reopen(now_s)
        if now_s - self.swept_s > self.limits.idle_s:
            self.sweep(now_s)

    def welcome(self, at_most: int) -> None:
        for descriptor in self.door.accept(at_most):
            self.quick[descriptor] = self.service()
            self.heard.add(descriptor)
            self.epoll.register(descriptor, IN)

    # The slow path

    def owe(self, descriptor: int) -> Debt:
        """The debt of a connection, which is not quick any more."""
        if descriptor in self.quick:
            self.owing[descriptor] = Debt(self.quick.pop(descriptor))
        return self.owing[descriptor]

    def attend(self, descriptor: int, events: int) -> None:
        debt = self.owe(descriptor)
        try:
            if events & ~OUT:
                self.read(descriptor, debt)
            if events:
                self.write(descriptor, debt)
            self.settle(descriptor, debt)
        except BlockingIOError:
            pass
        except OSError:
            self.close(descriptor)

    def read(self, descriptor: int, debt: Debt) -> None:
        received = os.read(descriptor, READ_BYTES)
        debt.ended = not received
        try:
            debt.unsent += debt.converse(received)
        except Violation:
            debt.converse = deaf
        self.note(descriptor, debt)

    def write(self, descriptor: int, debt: Debt) -> None:
        if debt.unsent:
            with suppress(BlockingIOError):
                debt.unsent = debt.unsent[os.write(descriptor, debt.unsent) :]
                self.note(descriptor, debt)

    def note(self, descriptor: int, debt: Debt) -> None:
        if debt.converse is not deaf:
            self.heard.add(descriptor)

    def settle(self, descriptor: int, debt: Debt) -> None:
        """Wait for what is owed now; close when nothing is, and be quick again when all is paid."""
        unsent, leaving = len(debt.unsent), debt.converse is deaf
        reads = not debt.ended and (leaving or unsent <= self.limits.buffered)
        awaits = (IN if reads else 0) | (OUT if unsent else 0)
        if not awaits:
            return self.close(descriptor)
        if leaving and not unsent:
            end_stream(descriptor)
        if awaits != debt.awaits:
            debt.awaits = awaits
            self.epoll.modify(descriptor, awaits)
        if awaits == IN and not leaving:
            self.quick[descriptor] = self.owing.pop(descriptor).converse

    def close(self, descriptor: int) -> None:
        self.quick.pop(descriptor, None)
        self.owing.pop(descriptor, None)
        self.heard.discard(descriptor)
        os.close(descriptor)  # which also takes it out of epoll

    def sweep(self, now_s: float) -> None:
        for descriptor in [*self.quick, *self.owing]:
            if descriptor not in self.heard:
                self.close(descriptor)
        self.heard.clear()
        self.swept_s = now_s

    def drain(self) -> None:
        """Answer what has come, say goodbye, and give the clients some time to take it."""
        self.welcome(ALL)
        self.door.close()
        self.listening = -1  # the number may be given to a file
        self.turn(0)
        for descriptor in [*self.quick, *self.owing]:
            self.owe(descriptor).converse = deaf
            self.attend(descriptor, OUT)
        until_s = monotonic() + self.limits.drain_s
        while (self.quick or self.owing) and monotonic() < until_s:
            self.turn(GLANCE_S)


def take_descriptor(listener: socket.socket) -> int:
    """What `accept()` of Python's own socket.py calls, before it makes a socket object."""
    descriptor: int = listener._accept()[0]  # type: ignore[attr-defined]  # typeshed has it not
    os.set_blocking(descriptor, False)
    return descriptor


def end_stream(descriptor: int) -> None:
    """shutdown(SHUT_WR), for which `os` has no function."""
    sock = socket.socket(fileno=descriptor)
    try:
        sock.shutdown(socket.SHUT_WR)
    finally:
        sock.detach()
