"""The selectors loop as fast as Python gets: epoll and bare descriptors (only Linux has epoll).

It does what `sockets_lab.servers.selectors_loop` does; read that one first. Three things differ:

- epoll directly: `selectors` looks up a key and builds a tuple for each event;
- descriptors instead of sockets: `os.read` and `os.write` take a number, so no object is looked up
  for it, and none is kept for a client whose replies the kernel takes immediately;
- no clock: clients that were active are noted in a set. Each check for idle clients closes those
  that are not in it, so an idle client is closed between `idle_s` and twice `idle_s` after its last
  byte.

`sockets-lab bench --table steps` measures each of them separately, and each is lost in the noise.
What pays is what they make possible together: a message that is answered immediately passes through
one function, and leaves no trace but a number in a set. That is the fast path.

A connection on the fast path has nothing unsent, and all that is kept of it is its responder, in
`fast`. Everything rare, such as unsent replies (backpressure), an ended stream, a lingering close,
takes the slow path, with a `Pending` in `pending`. There are two traps. The kernel reuses a number
as soon as it is free, so what is kept under a number is dropped before the descriptor is closed.
And after a failed call a variable still holds the bytes of the client before: every failure here
continues with the next event immediately.
"""

import os
import select
import socket
from contextlib import suppress
from threading import Event
from time import monotonic

from sockets_lab.framing import Violation
from sockets_lab.servers.acceptor import ALL, Acceptor, accept_budget
from sockets_lab.servers.limits import READ_BYTES, STOP_CHECK_S, Limits
from sockets_lab.servers.services import Responder, Service, echo

__all__ = ["serve"]

READ, WRITE = getattr(select, "EPOLLIN", 1), getattr(select, "EPOLLOUT", 4)


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
                loop.run_once(STOP_CHECK_S)
            loop.drain()
        finally:
            for descriptor in (*loop.fast, *loop.pending):
                os.close(descriptor)


class Pending:
    """A connection on the slow path: its unsent replies, and `lingering` in a lingering close."""

    __slots__ = "ended", "interest", "lingering", "respond", "unsent"

    def __init__(self, respond: Responder) -> None:
        self.respond, self.unsent, self.interest = respond, b"", READ
        self.ended = self.lingering = False


class Loop:
    """The event loop of `serve`; its steps are named as those of `event_loop.EventLoop`."""

    def __init__(
        self, listener: socket.socket, epoll: select.epoll, service: Service, limits: Limits
    ) -> None:
        self.epoll, self.service, self.limits = epoll, service, limits
        self.fast: dict[int, Responder] = {}
        self.pending: dict[int, Pending] = {}
        self.active: set[int] = set()
        self.idle_checked_s = monotonic()
        self.listening = listener.fileno()
        self.acceptor = Acceptor(
            listener, accept_descriptor, lambda sock: epoll.register(sock, READ), epoll.unregister
        )

    def run_once(self, timeout_s: float) -> None:
        fast, mark_active, read, write = self.fast.get, self.active.add, os.read, os.write
        ready = self.epoll.poll(timeout_s)
        for descriptor, events in ready:
            respond = fast(descriptor)
            if respond is None or events != READ:
                if descriptor == self.listening:
                    self.accept_ready(accept_budget(len(ready)))
                else:
                    self.on_event(descriptor, events)
                continue
            try:
                received = read(descriptor, READ_BYTES)
                reply = respond(received)
            except BlockingIOError:
                continue
            except Violation:
                self.start_closing(descriptor)
                continue
            except OSError:
                self.close(descriptor)
                continue
            mark_active(descriptor)
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
                pending = self.to_slow_path(descriptor)
                pending.unsent, pending.ended = reply[sent:], not received
                self.on_event(descriptor, 0)
        now_s = monotonic()
        self.acceptor.resume(now_s)
        if now_s - self.idle_checked_s > self.limits.idle_s:
            self.close_idle(now_s)

    def accept_ready(self, at_most: int) -> None:
        for descriptor in self.acceptor.accept(at_most):
            self.fast[descriptor] = self.service()
            self.active.add(descriptor)
            self.epoll.register(descriptor, READ)

    # The slow path

    def to_slow_path(self, descriptor: int) -> Pending:
        """Return a connection's pending state, moving it off the fast path if it is there."""
        if descriptor in self.fast:
            self.pending[descriptor] = Pending(self.fast.pop(descriptor))
        return self.pending[descriptor]

    def on_event(self, descriptor: int, events: int) -> None:
        pending = self.to_slow_path(descriptor)
        try:
            if events & ~WRITE:
                self.read(descriptor, pending)
            if events:
                self.write(descriptor, pending)
            self.update_interest(descriptor, pending)
        except BlockingIOError:
            pass
        except OSError:
            self.close(descriptor)

    def read(self, descriptor: int, pending: Pending) -> None:
        received = os.read(descriptor, READ_BYTES)
        pending.ended = not received
        if pending.lingering:
            return
        try:
            pending.unsent += pending.respond(received)
            self.active.add(descriptor)
        except Violation:
            pending.lingering = True

    def write(self, descriptor: int, pending: Pending) -> None:
        if pending.unsent:
            with suppress(BlockingIOError):
                pending.unsent = pending.unsent[os.write(descriptor, pending.unsent) :]
                if not pending.lingering:
                    self.active.add(descriptor)

    def update_interest(self, descriptor: int, pending: Pending) -> None:
        """Wait for the events that its state asks for; close it when there are none.

        A connection whose replies are all sent returns to the fast path.
        """
        unsent, lingering = len(pending.unsent), pending.lingering
        reads = not pending.ended and (lingering or unsent <= self.limits.buffered)
        events = (READ if reads else 0) | (WRITE if unsent else 0)
        if not events:
            return self.close(descriptor)
        if lingering and not unsent:
            end_stream(descriptor)
        if events != pending.interest:
            pending.interest = events
            self.epoll.modify(descriptor, events)
        if events == READ and not lingering:
            self.fast[descriptor] = self.pending.pop(descriptor).respond

    def start_closing(self, descriptor: int) -> None:
        self.to_slow_path(descriptor).lingering = True
        self.on_event(descriptor, WRITE)

    def close(self, descriptor: int) -> None:
        self.fast.pop(descriptor, None)
        self.pending.pop(descriptor, None)
        self.active.discard(descriptor)
        os.close(descriptor)  # which also takes it out of epoll

    def close_idle(self, now_s: float) -> None:
        for descriptor in [*self.fast, *self.pending]:
            if descriptor not in self.active:
                self.close(descriptor)
        self.active.clear()
        self.idle_checked_s = now_s

    def drain(self) -> None:
        """Accept the clients that wait, refuse later ones, answer what has arrived, and close.

        This takes `drain_s` seconds at most.
        """
        self.accept_ready(ALL)
        self.acceptor.close()
        self.listening = -1  # the number may be given to a file
        self.run_once(0)
        for descriptor in [*self.fast, *self.pending]:
            self.start_closing(descriptor)
        until_s = monotonic() + self.limits.drain_s
        while (self.fast or self.pending) and monotonic() < until_s:
            self.run_once(STOP_CHECK_S)


def accept_descriptor(listener: socket.socket) -> int:
    """Accept one client as a non-blocking descriptor.

    Calls what `accept()` of Python's own socket.py calls before it makes a socket object.
    """
    descriptor: int = listener._accept()[0]  # type: ignore[attr-defined]  # not in typeshed
    os.set_blocking(descriptor, False)
    return descriptor


def end_stream(descriptor: int) -> None:
    """Call shutdown(SHUT_WR), for which `os` has no function."""
    sock = socket.socket(fileno=descriptor)
    try:
        sock.shutdown(socket.SHUT_WR)
    finally:
        sock.detach()
