"""The methods of `socket.socket` that write into a journal, put on and taken off again.

They are class attributes that shadow the methods below, so that a socket stays the plain object it
is and a socket made earlier is recorded too. Only what is looked up while they stand is seen: a
method that somebody bound earlier (`receive = sock.recv`) is not.

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
from sockets_lab.recording.methods import METHODS, Method, asked, kept
from sockets_lab.recording.wording import name_of

__all__ = ["Patches"]

Function = Callable[..., Any]

_SMALL = 64  # so many bytes are kept as they are, which is quicker than taking their beginning
_MISSING = object()
_here = Here()


class Patches:
    """The patched methods of one journal. `put` and `take_off` may be cut short and repeated."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._before: dict[str, object] = {}
        self._ours: dict[str, Function] = {}

    def put(self) -> None:
        """Patch the methods that this system has."""
        for name in ("__init__", "send", "sendall", "recv", *METHODS):
            if hasattr(socket.socket, name):
                self._put(name)

    def take_off(self) -> None:
        """Leave the class as it was found. A patch that somebody put on top of ours stays; ours is
        then still called, and does nothing but call the method below.
        """
        for name, ours in self._ours.items():
            if vars(socket.socket).get(name) is not ours:
                continue
            before = self._before[name]
            if before is _MISSING:
                delattr(socket.socket, name)
            else:
                setattr(socket.socket, name, before)

    def _put(self, name: str) -> None:
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
    find, meet, watchers = journal.known.get, journal.meet, journal.watchers
    write, now = journal.written.append, perf_counter_ns

    def recv(sock: socket.socket, bufsize: int, flags: int = 0, /) -> Any:
        known = find(id(sock)) or meet(sock)
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
    find, meet, watchers = journal.known.get, journal.meet, journal.watchers
    write, now = journal.written.append, perf_counter_ns

    def send(sock: socket.socket, data: Any, flags: int = 0, /) -> Any:
        known = find(id(sock)) or meet(sock)
        if known is None:
            return original(sock, data, flags)
        given = data if type(data) is bytes and len(data) <= _SMALL else kept(data)
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
        known = journal.known.get(id(sock)) or journal.meet(sock)
        if known is None:
            return original(sock, *args, **kwargs)
        if before is not None:
            before(roles, sock)
        given = keep(roles, known, (*args, *kwargs.values()))
        began, ended, outcome = perf_counter_ns(), 0, None
        try:
            result = original(sock, *args, **kwargs)
            ended = perf_counter_ns()
            outcome = give(roles, known, result)
        except BaseException as error:
            outcome = Failure(name_of(error))
            raise
        finally:
            ended = ended or perf_counter_ns()
            if after is not None:
                after(roles, sock)
            journal.written.append((began, ended, name, known, _here.thread, given, outcome))
            if journal.watchers:
                journal.look((_here.thread, began))
        return result

    return call


def _init(journal: Journal, original: Function) -> Function:
    def __init__(sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        caller, outcome, start = sys._getframe(1), None, perf_counter_ns()
        try:
            original(sock, *args, **kwargs)
        except BaseException as error:
            outcome = Failure(name_of(error))
            raise
        finally:
            ended = perf_counter_ns()
            adopts = (len(args) > 3 or "fileno" in kwargs) and not is_pair(caller)
            if not is_part(caller) and (known := journal.meet_new(sock, caller, adopts=adopts)):
                given = asked(args, kwargs)
                name = "socketpair" if is_pair(caller) else "socket"
                journal.written.append((start, ended, name, known, _here.thread, given, outcome))
                if journal.watchers:
                    journal.look((_here.thread, start))

    return __init__
