"""Classify a call: made by the learner, part of another call, or made by tooling.

`accept()` makes its socket with `socket()`, `repr(sock)` asks for both names, asyncio wakes itself
through a socket pair, a notebook's kernel talks to its debugger. None of these is a call that a
learner would look for, so none is recorded. The function that made the call decides.
"""

import socket
import sys
from types import CodeType, FrameType

__all__ = ["is_library", "is_pair", "is_part", "is_tls", "is_tooling"]

# Rooms of this package that make calls for the learner; the others only look and clean up.
_FOR_LEARNERS = ("sockets_lab.exercises", "sockets_lab.listeners", "sockets_lab.peers")
_TOOLING = (
    *("IPython", "_pydev", "debugpy", "ipykernel", "jupyter_client", "psutil"),
    *("pydevd", "pyroute2", "tornado.platform", "zmq"),
)
# How asyncio's loop wakes itself from another thread; the streams of a loop are the learner's.
_SELF_PIPE = {"_make_self_pipe", "_close_self_pipe", "_read_from_self", "_write_to_self"}


def _codes(owner: object, *names: str) -> set[CodeType]:
    codes = (getattr(getattr(owner, name, None), "__code__", None) for name in names)
    return {code for code in codes if code is not None}


_METHODS = _codes(socket.socket, "accept", "dup", "sendfile", "__repr__")
_METHODS |= _codes(socket.socket, "_sendfile_use_sendfile", "_sendfile_use_send")
_PAIR = _codes(socket, "socketpair", "_fallback_socketpair")


def is_part(caller: FrameType) -> bool:
    """Return True if the call is part of another one, or this package makes it for itself."""
    return caller.f_code in _METHODS or _is_own(_module(caller))


def is_library(caller: FrameType) -> bool:
    """Return True if Python's standard library makes the call."""
    return _module(caller).partition(".")[0] in sys.stdlib_module_names


def is_tls(caller: FrameType) -> bool:
    """Return True if `SSLContext.wrap_socket` takes over a socket or copies its settings."""
    return _module(caller) == "ssl"


def is_pair(caller: FrameType) -> bool:
    """Return True if `socket.socketpair` makes the call."""
    return caller.f_code in _PAIR


def is_tooling(caller: FrameType | None) -> bool:
    """Return True if a socket first seen in this call belongs to tooling, not to the learner."""
    while caller is not None and is_pair(caller):
        caller = caller.f_back
    if caller is None:
        return False
    module = _module(caller)
    if module.startswith("asyncio."):
        return caller.f_code.co_name in _SELF_PIPE
    return _is_own(module) or module.startswith(_TOOLING)


def _is_own(module: str) -> bool:
    return module.startswith("sockets_lab.") and not module.startswith(_FOR_LEARNERS)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
