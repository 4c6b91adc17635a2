"""Run a server in a child process, beside the notebook.

In the notebook's process a server shares the interpreter's lock with the notebook, and its CPU time
and memory cannot be separated from the notebook's. In a child process all of it is the server's.

We open the listener, so that its address is known and clients may connect before the server has
begun. The server inherits it (on Windows it is duplicated for it, see `socket.share`), and we close
our descriptor: once the server closes the last one, new clients are refused.
"""

import inspect
import os
import pickle
import socket
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from threading import Event
from typing import Any, Final, NamedTuple

from sockets_lab.child import ChildProcess, Parent, Reply, end_group, pack
from sockets_lab.interrupts import hold_interrupts
from sockets_lab.listeners import open_listener
from sockets_lab.load import usage
from sockets_lab.load.bounds import MOST_CONNECTIONS, cores_within, seconds_within
from sockets_lab.load.descriptors import raise_soft_limit, set_soft_limit

__all__ = ["Served", "serving"]

_START_S: Final = 20.0
_GLANCE_S: Final = 0.2
_ENOUGH: Final = MOST_CONNECTIONS + 1_000
"""Descriptors for every connection that a load may make."""


class Served:
    """A server at work in a child process, until the `with` block ends.

    `address` is what `getsockname()` of its listener returned, `pid` the number of its process.
    """

    def __init__(self, address: tuple[Any, ...], pid: int) -> None:
        self.address = address
        self.pid = pid

    def cpu_s(self) -> float:
        """Return the CPU seconds it has used so far, user and system, its children included.

        ProcessLookupError (ESRCH) if the server has ended.
        """
        return usage.cpu_s(self.pid)

    def memory(self) -> usage.Memory:
        """Return the memory it holds now, its children included; ProcessLookupError as `cpu_s`."""
        return usage.memory(self.pid)

    def __repr__(self) -> str:
        return "<server in a child process>"


class _Request(NamedTuple):
    """What the child process needs to run the server."""

    serve: Callable[..., object] | str
    service: object
    options: Mapping[str, object]
    listener: bytes | int
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
    """Run `serve(listener, service, **options)` in a child process; yield a `Served`.

    serve: a function, one of a notebook's cells included, or its name as "module:function"; it may
        be `async def`. If it has a parameter `stop`, that is a `threading.Event`, which is set when
        the block ends; a server without it is killed.
    service: its second argument, as it is or as "module:name"; left out if None
    host, backlog: of the listener that is opened here; or pass an open `listener`, which you close
        (while your descriptor is open, clients can connect, whatever the server does)
    stop_s: seconds in which it must end after `stop` is set, before it is killed
    descriptors: its soft limit of descriptors; default: as high as possible
    cpus: the numbers of the cores that it may use (Linux); default: all

    What the server prints appears at the end. Raises what it raised, and TimeoutError if it did not
    stop in time; if the block itself raises, a note gives the server's error. The process and all
    in its process group are ended on every way out, the death of this process included.
    """
    stop_s, cores = seconds_within("stop_s", stop_s), cores_within(cpus)
    shared, child = listener, None
    try:
        with hold_interrupts():
            shared = open_listener(host, backlog=backlog) if listener is None else listener
            inherited = () if hasattr(shared, "share") else (shared.fileno(),)
            child = ChildProcess("the server", pass_fds=inherited)
        handle = _share(shared, child.process.pid)
        request = _Request(serve, service, options, handle, stop_s, descriptors, cores)
        child.send(_serve_here, pack(request, "cannot send the server to a child process"))
        child.receive(_START_S).open()
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
                sys.stdout.write(child.end())


@contextmanager
def _stopped(child: ChildProcess, stop_s: float) -> Iterator[None]:
    """Stop the server after the block; if the block raised, add a note of the server's error."""
    try:
        yield
    except Exception as error:
        reply = None
        with suppress(TimeoutError):  # the server was running, and is ended now
            reply = child.receive(_GLANCE_S)
        if reply is not None and reply.error is not None:
            notes = getattr(reply.error, "__notes__", [])
            error.add_note("\n".join([f"the server had ended: {reply.error!r}", *notes]))
        raise
    child.cut_lifeline()
    child.receive(stop_s + _START_S).open()


def _share(listener: socket.socket, pid: int) -> bytes | int:
    """Return what the child needs to take the listener: its descriptor, on Windows a duplicate."""
    share: Callable[[int], bytes] | None = getattr(listener, "share", None)
    return listener.fileno() if share is None else share(pid)


# The child's side


def _serve_here(parent: Parent, packed: bytes) -> None:
    """Take the listener, and run the server until it returns or is stopped."""
    request: _Request = pickle.loads(packed)
    listener = _take(request.listener)
    if request.cpus:
        os.sched_setaffinity(0, request.cpus)
    if request.descriptors is None:
        raise_soft_limit(_ENOUGH)
    else:
        set_soft_limit(request.descriptors)
    serve = _named(request.serve)
    args = () if request.service is None else (_named(request.service),)
    stop = Event() if _takes_stop(serve, request.options) else None
    kwargs = {**request.options, **({} if stop is None else {"stop": stop})}
    parent.when_gone(partial(_stop, parent, stop, request.stop_s))
    parent.send(Reply())
    returned = serve(listener, *args, **kwargs)
    if inspect.iscoroutine(returned):
        import asyncio  # slow to import, and most servers are plain functions

        asyncio.run(returned)


def _take(handle: bytes | int) -> socket.socket:
    if isinstance(handle, bytes):
        return socket.fromshare(handle)  # type: ignore[attr-defined,no-any-return]  # Windows only
    listener = socket.socket(fileno=handle)
    listener.set_inheritable(False)
    return listener


def _named(thing: Any) -> Any:
    """Return the thing itself, or what "module:name" names."""
    if not isinstance(thing, str):
        return thing
    module, colon, name = thing.partition(":")
    if not colon:
        raise ValueError(f"{thing!r} does not name a function: write it as 'module:function'")
    return getattr(import_module(module), name)


def _takes_stop(serve: Callable[..., object], options: Mapping[str, object]) -> bool:
    return "stop" in inspect.signature(serve).parameters and "stop" not in options


def _stop(parent: Parent, stop: Event | None, stop_s: float) -> None:
    """Set `stop`, give the server time to return, then end it; called when the lifeline ends."""
    late = None
    if stop is not None:
        stop.set()
        Event().wait(stop_s)
        late = TimeoutError(
            f"the server was still running {stop_s:g} s after `stop` was set, and was ended: let "
            "its loops end when `stop` is set, and give calls that wait a timeout"
        )
    parent.send(Reply(error=late))
    end_group()
