"""Patch the methods of `socket.socket` so that they write into a journal, and restore them.

Patches are class attributes that shadow the original methods, so that a socket stays the plain
object it is and a socket made earlier is recorded too. A method that was bound before the patch
(`receive = sock.recv`) is not recorded.

`send`, `sendall` and `recv` are written out: they are called most, and each indirection costs a
tenth of a send over loopback.
"""

import socket
import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from sockets_lab.recording.callers import is_pair, is_part
from sockets_lab.recording.journal import Failure, Here, Journal
from sockets_lab.recording.methods import METHODS, Method, socket_arguments, summarize
from sockets_lab.recording.wording import name_of

__all__ = ["Patches"]

Function = Callable[..., Any]

_SMALL = 64  # bytes kept whole, which is faster than taking their beginning
_MISSING = object()
_here = Here()


class Patches:
    """The patched methods of one journal. `apply` and `remove` may be interrupted and repeated."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._before: dict[str, object] = {}
        self._ours: dict[str, Function] = {}

    def apply(self) -> None:
        """Patch the methods that this system has."""
        for name in ("__init__", "send", "sendall", "recv", *METHODS):
            if hasattr(socket.socket, name):
                self._patch(name)

    def remove(self) -> None:
        """Restore the class.

        A patch that another tool put on top of ours stays; ours is then still called, and only
        calls the original method.
        """
        for name, ours in self._ours.items():
            if vars(socket.socket).get(name) is not ours:
                continue
            before = self._before[name]
            if before is _MISSING:
                delattr(socket.socket, name)
            else:
                setattr(socket.socket, name, before)

    def _patch(self, name: str) -> None:
        if name in self._ours and vars(socket.socket).get(name) is self._ours[name]:
            return
        original = getattr(socket.socket, name)
        self._before[name] = vars(socket.socket).get(name, _MISSING)
        ours = _recorded(self._journal, name, original)
        ours.__name__, ours.__doc__ = name, original.__doc__
        ours.__qualname__, ours.__module__ = f"socket.{name}", "socket"
        self._ours[name] = ours
        self._journal.codes.add(ours.__code__)
        setattr(socket.socket, name, ours)


def _recorded(journal: Journal, name: str, original: Function) -> Function:
    if name == "__init__":
        return _init(journal, original)
    if name == "recv":
        return _recv(journal, name, original)
    if name in ("send", "sendall"):
        return _send(journal, name, original)
    return _method(journal, name, original, METHODS[name])


def _recv(journal: Journal, name: str, original: Function) -> Function:
    find, register, watchers = journal.known.get, journal.register, journal.watchers
    write, now = journal.written.append, perf_counter_ns

    def recv(sock: socket.socket, bufsize: int, flags: int = 0, /) -> Any:
        known = find(id(sock)) or register(sock)
        if known is None:
            return original(sock, bufsize, flags)
        given = (bufsize, flags) if flags else bufsize
        began = now()
        try:
            data = original(sock, bufsize, flags)
        except BaseException as error:
            write((began, now(), name, known, _here.thread, given, Failure(name_of(error))))
            if watchers:
                journal.look((_here.thread, began))
            raise
        write((began, now(), name, known, _here.thread, given, len(data)))
        if watchers:
            journal.look((_here.thread, began))
        return data

    return recv


def _send(journal: Journal, name: str, original: Function) -> Function:
    find, register, watchers = journal.known.get, journal.register, journal.watchers
    write, now = journal.written.append, perf_counter_ns

    def send(sock: socket.socket, data: Any, flags: int = 0, /) -> Any:
        known = find(id(sock)) or register(sock)
        if known is None:
            return original(sock, data, flags)
        given = data if type(data) is bytes and len(data) <= _SMALL else summarize(data)
        if flags:
            given = (given, flags)
        began = now()
        try:
            result = original(sock, data, flags)
        except BaseException as error:
            write((began, now(), name, known, _here.thread, given, Failure(name_of(error))))
            if watchers:
                journal.look((_here.thread, began))
            raise
        write((began, now(), name, known, _here.thread, given, result))
        if watchers:
            journal.look((_here.thread, began))
        return result

    return send


def _method(journal: Journal, name: str, original: Function, method: Method) -> Function:
    keep, give, before, after, unless = method
    roles = journal.roles

    def call(sock: socket.socket, *args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1)
        if journal.is_quiet or is_part(caller) or (unless is not None and unless(caller)):
            return original(sock, *args, **kwargs)
        known = journal.known.get(id(sock)) or journal.register(sock)
        if known is None:
            return original(sock, *args, **kwargs)
        if before is not None:
            before(roles, sock)
        given = keep(roles, known, (*args, *kwargs.values()))
        began, ended, kept = perf_counter_ns(), 0, None
        try:
            result = original(sock, *args, **kwargs)
            ended = perf_counter_ns()
            kept = give(roles, known, result)
        except BaseException as error:
            kept = Failure(name_of(error))
            raise
        finally:
            ended = ended or perf_counter_ns()
            if after is not None:
                after(roles, sock)
            journal.written.append((began, ended, name, known, _here.thread, given, kept))
            if journal.watchers:
                journal.look((_here.thread, began))
        return result

    return call


def _init(journal: Journal, original: Function) -> Function:
    def __init__(sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        caller, kept, start = sys._getframe(1), None, perf_counter_ns()
        try:
            original(sock, *args, **kwargs)
        except BaseException as error:
            kept = Failure(name_of(error))
            raise
        finally:
            ended = perf_counter_ns()
            adopts = (len(args) > 3 or "fileno" in kwargs) and not is_pair(caller)
            if not is_part(caller) and (known := journal.register_new(sock, caller, adopts=adopts)):
                given = socket_arguments(args, kwargs)
                name = "socketpair" if is_pair(caller) else "socket"
                journal.written.append((start, ended, name, known, _here.thread, given, kept))
                if journal.watchers:
                    journal.look((_here.thread, start))

    return __init__
