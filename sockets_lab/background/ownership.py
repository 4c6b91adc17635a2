"""Ownership of sockets: those that belong to a run, and those that never do.

To stop a server, the sockets that its threads wait on have to be found, and only those: the
notebook's own clients must be left alone. A socket belongs to a run if it was passed to the run,
if a frame of one of its threads holds it or names it, or if its local address is that of a listener
of the run.
"""

import dis
import gc
import inspect
import os
import socket
import stat
from _socket import socket as plain  # these calls must not show in a recording
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from selectors import BaseSelector
from types import CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import TypeGuard
from weakref import WeakSet

__all__ = [
    "OpenSockets",
    "live_sockets",
    "sockets_at",
    "sockets_in",
    "sockets_of",
    "sockets_used_by",
]

DEPTH = 4  # reaches a socket in a dict in an attribute of an argument
WILDCARDS = ("0.0.0.0", "::")


class OpenSockets:
    """Sockets that this process had open at one moment.

    Linux lists them by inode, quickly. Elsewhere every object has to be looked at, which takes
    tens of milliseconds in a notebook that has drawn a picture.
    """

    def __init__(self) -> None:
        self._inodes = _socket_inodes()
        self._sockets = WeakSet(live_sockets() if self._inodes is None else ())

    def __contains__(self, sock: socket.socket) -> bool:
        if self._inodes is None:
            return sock in self._sockets
        try:
            return os.fstat(sock.fileno()).st_ino in self._inodes
        except OSError:  # closed by its thread just now: nothing is left to do
            return True

    def has_grown(self) -> bool:
        """Return True if there may be sockets by now that were not open then."""
        return self._inodes is None or not self._inodes.issuperset(_socket_inodes() or ())


def live_sockets() -> list[socket.socket]:
    """Return every socket object of this process that is open."""
    # Every object refers to its class. Asking for what refers to the class is several times faster
    # than looking through gc.get_objects(), and finds connections that no frame holds. Without it a
    # server that keeps its clients out of sight could not be stopped
    # (test_a_connection_that_no_frame_holds_is_found).
    objects = gc.get_referrers(*_classes_under(socket.socket))
    return [value for value in objects if _is_socket(value) and value.fileno() != -1]


def sockets_at(names: Collection[object]) -> list[socket.socket]:
    """Return every open socket whose own name is one of `names`, as `getsockname()` gives it."""
    if not names:
        return []
    return [sock for sock in live_sockets() if any(_is_at(name, sock) for name in names)]


def sockets_of(frame: FrameType) -> list[socket.socket]:
    """Return the sockets in a frame's variables, and in the global variables that its code uses."""
    return sockets_in(frame.f_locals.values()) + _named_in(frame.f_code, frame.f_globals)


def sockets_used_by(function: Callable[..., object]) -> list[socket.socket]:
    """Return the sockets in a function's closure, and in the global variables that it uses."""
    bare = inspect.unwrap(getattr(function, "__func__", function))
    named = _named_in(bare.__code__, bare.__globals__) if isinstance(bare, FunctionType) else []
    return sockets_in([function, bare]) + named


def sockets_in(values: Iterable[object], *, attributes: bool = True) -> list[socket.socket]:
    """Return the sockets among `values` and in what these contain, to a small depth.

    `attributes=False` looks into containers only, not into what an object or a function holds.
    """
    seen: dict[int, object] = {}
    layer = list(values)
    for _ in range(DEPTH):
        fresh = [value for value in layer if id(value) not in seen]
        seen.update((id(value), value) for value in fresh)
        layer = [inner for value in fresh for inner in _contents(value, attributes)]
    return [value for value in seen.values() if _is_socket(value)]


def _socket_inodes() -> set[int] | None:
    try:
        descriptors = os.listdir("/proc/self/fd")
    except OSError:
        return None
    inodes = set()
    for descriptor in descriptors:
        with suppress(OSError):  # the descriptor of the listing itself is closed by now
            status = os.fstat(int(descriptor))
            if stat.S_ISSOCK(status.st_mode):
                inodes.add(status.st_ino)
    return inodes


def _is_socket(value: object) -> TypeGuard[socket.socket]:
    # Not isinstance(): that would ask a learner's stand-in for its __class__.
    return issubclass(type(value), socket.socket)


def _classes_under(kind: type) -> Iterator[type]:
    yield kind
    subclass: type
    for subclass in kind.__subclasses__():
        yield from _classes_under(subclass)


def _is_at(name: object, sock: socket.socket) -> bool:
    try:
        own = plain.getsockname(sock)
    except OSError:
        return False
    if isinstance(own, tuple) and isinstance(name, tuple) and name[0] in WILDCARDS:
        # A wildcard listener's connection has the address that its client asked for.
        return len(own) == len(name) and own[1] == name[1] != 0
    return bool(own) and own == name


def _contents(value: object, attributes: bool) -> list[object]:
    try:
        if isinstance(value, dict):
            return [*value.keys(), *value.values()]
        if isinstance(value, (list, tuple, set, frozenset, deque)):
            return list(value)
        return _held_by(value) if attributes else []
    except RuntimeError:  # it changed while it was read: the next search will see it
        return []


def _held_by(value: object) -> list[object]:
    if isinstance(value, BaseSelector):
        return [key.fileobj for key in (value.get_map() or {}).values()]
    if isinstance(value, FunctionType):
        return [_content(cell) for cell in value.__closure__ or ()]
    if isinstance(value, MethodType):
        return [value.__self__]
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, (type, ModuleType)) or type(value).__module__.startswith("sockets_lab."):
        return []  # records of this package may know every socket of the notebook
    return list(getattr(value, "__dict__", {}).values())


def _content(cell: object) -> object:
    try:
        return getattr(cell, "cell_contents", None)
    except ValueError:  # not assigned yet
        return None


def _named_in(code: CodeType, module: dict[str, object]) -> list[socket.socket]:
    named = _global_names(code) & module.keys()
    return sockets_in((module[name] for name in named), attributes=False)


@lru_cache(maxsize=1024)
def _global_names(code: CodeType) -> frozenset[str]:
    # Not code.co_names, which has the attributes as well: `self.listener` in a server is not the
    # `listener` of the notebook (test_an_attribute_is_no_name_in_the_module).
    codes = [code]
    names: set[str] = set()
    for code in codes:  # it grows by the functions within
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        names.update(
            instruction.argval
            for instruction in dis.get_instructions(code)
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL")
        )
    return frozenset(names)
