"""A server in a process of its own, beside the notebook.

In the notebook's process a server shares the interpreter's lock with the notebook, and its CPU time
and memory cannot be told from the notebook's. In a process of its own all of it is the server's.

We make the listener, so that its address is known and clients may connect before the server has
begun. The server inherits it (on Windows it is duplicated for it, see `socket.share`), and we close
our own descriptor: once the server closes the last one, new clients are refused.
"""

import inspect
import os
import pickle
import socket
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from threading import Event
from typing import Any, Final, NamedTuple

from sockets_lab.interrupts import hold_interrupts
from sockets_lab.listeners import open_listener
from sockets_lab.load import usage
from sockets_lab.load.bounds import MOST_CONNECTIONS, cores_within, seconds_within
from sockets_lab.load.child import Apart, Reply, end_group, lifeline
from sockets_lab.load.descriptors import raise_soft_limit, set_soft_limit

__all__ = ["Served", "serving"]

_START_S: Final = 20.0
_GLANCE_S: Final = 0.2
_ENOUGH: Final = MOST_CONNECTIONS + 1_000
"""Descriptors for every connection that a load may make."""


class Served:
    """A server at work in a process of its own, until the end of the `with` block.

    `address` is what its listener's `getsockname()` told, `pid` the number of its process.
    """

    def __init__(self, address: tuple[Any, ...], pid: int) -> None:
        self.address = address
        self.pid = pid

    def cpu_s(self) -> float:
        """CPU seconds that it has used so far, user and system, its children included.

        ProcessLookupError (ESRCH) if the server has ended.
        """
        return usage.cpu_s(self.pid)

    def memory(self) -> usage.Memory:
        """The memory that it holds now, its children included; ProcessLookupError as `cpu_s`."""
        return usage.memory(self.pid)

    def __repr__(self) -> str:
        return "<server in a process of its own>"


class _Order(NamedTuple):
    serve: Callable[..., object] | str
    service: object
    options: Mapping[str, object]
    ticket: bytes | int
    stop_s: float
    descriptors: int | None
    cpus: tuple[int, ...]


@contextmanager
def serving(
    serve: Callable[..., object] | str,
    service: object = None,
    *,
    host: str = "127.0.0.1",
    backlog: int = 4096,
    listener: socket.socket | None = None,
    stop_s: float = 5.0,
    descriptors: int | None = None,
    cpus: Collection[int] = (),
    **options: object,
) -> Iterator[Served]:
    """Run `serve(listener, service, **options)` in a process of its own; gives a `Served`.

    serve: a function, one of a notebook's cells included, or its name as "module:function"; it may
        be `async def`. If it has a parameter `stop`, it is handed a `threading.Event`, which is set
        at the end of the block; one that has none is simply ended.
    service: its second argument, as it is or as "module:name"; left out if None
    host, backlog: of the listener that is made here; or `listener`, one of your own, which you
        close (while your descriptor is open, clients can connect, whatever the server does)
    stop_s: seconds in which it must end after `stop` is set, before it is killed
    descriptors: its soft limit of descriptors; as high as may be, if not told
    cpus: the numbers of the cores that it may use (Linux), all if not told

    What the server prints appears at the end. Raises what it raised, and TimeoutError if it did not
    stop in time; if the block itself raises, the server's error stands in a note. The process and
    all in its process group are ended on every way out, the death of this process included.
    """
    stop_s, cores = seconds_within("stop_s", stop_s), cores_within(cpus)
    shared, child = listener, None
    try:
        with hold_interrupts():
            shared = open_listener(host, backlog=backlog) if listener is None else listener
            child = Apart(() if hasattr(shared, "share") else (shared.fileno(),))
        ticket = _ticket(shared, child.process.pid)
        order = _Order(serve, service, options, ticket, stop_s, descriptors, cores)
        child.order(_serve_here, _pack(order))
        child.reply(_START_S).open()
        served = Served(shared.getsockname(), child.process.pid)
        if listener is None:
            shared.close()
        with _stopped(child, stop_s):
            yield served
    finally:
        with hold_interrupts():
            if shared is not None and listener is None:
                shared.close()
            if child is not None:
                sys.stdout.write(child.kill())


@contextmanager
def _stopped(child: Apart, stop_s: float) -> Iterator[None]:
    """Stop the server after the block; if that raised, say whether the server had ended before."""
    try:
        yield
    except Exception as error:
        try:
            reply = child.reply(_GLANCE_S)
        except TimeoutError:  # it was at work, and is ended now
            raise error from None
        if reply.error is not None:
            error.add_note(f"the server had ended: {reply.error!r}\n{reply.where}")
        raise
    child.cut_lifeline()
    child.reply(stop_s + _START_S).open()


def _pack(order: _Order) -> bytes:
    import cloudpickle

    try:
        packed: bytes = cloudpickle.dumps(order)
    except Exception as error:  # cloudpickle lets through whatever an object's own pickling raises
        raise TypeError(
            f"cannot ship the server to a process of its own: {error}; let it open sockets and "
            "files itself"
        ) from error
    return packed


def _ticket(listener: socket.socket, pid: int) -> bytes | int:
    """What the child needs to take the listener: its descriptor, or on Windows a duplicate."""
    share: Callable[[int], bytes] | None = getattr(listener, "share", None)
    return listener.fileno() if share is None else share(pid)


# The child's side


def _serve_here(say: Callable[[Reply], None], packed: bytes) -> None:
    """The server's whole life."""
    order: _Order = pickle.loads(packed)
    listener = _take(order.ticket)
    if order.cpus:
        os.sched_setaffinity(0, order.cpus)
    if order.descriptors is None:
        raise_soft_limit(_ENOUGH)
    else:
        set_soft_limit(order.descriptors)
    serve, args = _named(order.serve), () if order.service is None else (_named(order.service),)
    stop = Event() if _takes_stop(serve, order.options) else None
    kwargs = {**order.options, **({} if stop is None else {"stop": stop})}
    lifeline(partial(_stop, say, stop, order.stop_s))
    say(Reply())
    outcome = serve(listener, *args, **kwargs)
    if inspect.iscoroutine(outcome):
        import asyncio  # slow to import, and most servers are plain functions

        asyncio.run(outcome)


def _take(ticket: bytes | int) -> socket.socket:
    if isinstance(ticket, bytes):
        return socket.fromshare(ticket)  # type: ignore[attr-defined,no-any-return]  # Windows alone
    listener = socket.socket(fileno=ticket)
    listener.set_inheritable(False)
    return listener


def _named(thing: Any) -> Any:
    """The thing itself, or what "module:name" names."""
    if not isinstance(thing, str):
        return thing
    module, colon, name = thing.partition(":")
    if not colon:
        raise ValueError(f"{thing!r} names no function: write it as 'module:function'")
    return getattr(import_module(module), name)


def _takes_stop(serve: Callable[..., object], options: Mapping[str, object]) -> bool:
    return "stop" in inspect.signature(serve).parameters and "stop" not in options


def _stop(say: Callable[[Reply], None], stop: Event | None, stop_s: float) -> None:
    """The end of the lifeline: let the server stop by itself, if it can; then end it."""
    late = None
    if stop is not None:
        stop.set()
        Event().wait(stop_s)
        late = TimeoutError(
            f"the server still ran {stop_s:g} s after `stop` was set, and was ended: let its loops "
            "end when `stop` is set, and give calls that wait a timeout"
        )
    say(Reply(error=late))
    end_group()
