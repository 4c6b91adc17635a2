"""Who takes part: the course's own servers, and peers that others have written or would write."""

import os
import select
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from sockets_lab.bench import c_peer
from sockets_lab.servers import MODELS

__all__ = ["ASYNCIO", "ASYNCIO_WARM", "BASE", "UVLOOP", "Entrant", "entrants"]

BASE: Final = "C epoll"
UVLOOP: Final = "uvloop Protocol"
ASYNCIO: Final = "plain asyncio streams"
ASYNCIO_WARM: Final = "plain asyncio streams, warmed"


class Entrant(NamedTuple):
    """A server that takes part, as `sockets_lab.load.serving` takes it.

    does: how it serves many clients, in words
    lack: what this machine lacks for it, or ""
    most_idle: connections that it can hold in a measurement; a thread for each has its price
    """

    name: str
    serve: str
    does: str
    lack: str = ""
    options: Mapping[str, Any] = {}
    most_idle: int = 1 << 16


@contextmanager
def entrants() -> Iterator[tuple[Entrant, ...]]:
    """All entrants; those that lack something here among them. The peer in C is compiled for it."""
    with c_peer.compiled() as program:
        yield (
            _c(program),
            _ours("epoll_loop"),
            _ours("selectors_loop"),
            _ours("coroutine_loop"),
            _ours("threaded")._replace(most_idle=1_000),
            _ours("asyncio_streams"),
            _ours("trio_streams"),
            _peer(UVLOOP, "uvloop_protocol", "a callback for each event, on libuv", "uvloop"),
            _peer("uvloop streams", "uvloop_streams", "asyncio's streams on libuv", "uvloop"),
            _peer("asyncio BufferedProtocol", "buffered_protocol", "reads into one buffer"),
            _peer(ASYNCIO, "streams", "as shipped, in a fresh process"),
            _peer(ASYNCIO_WARM, "streams_warmed", "as shipped, once the heap has grown"),
        )


def _ours(name: str) -> Entrant:
    model = MODELS[name]
    return Entrant(model.name, model.path, model.does, lack_of(model.needs))


def _peer(name: str, function: str, does: str, needs: str = "") -> Entrant:
    return Entrant(name, f"sockets_lab.bench.python_peers:{function}", does, lack_of(needs))


def _c(program: str | None) -> Entrant:
    lack = "" if program else "a C compiler and epoll"
    return Entrant(
        BASE, "sockets_lab.bench.c_peer:serve", "the same in C", lack, {"program": program}
    )


def lack_of(needs: str) -> str:
    """`needs` if this machine has it not, else "": a module, or "module.name" of one that is."""
    module, dot, name = needs.partition(".")
    if not module:
        return ""
    here = hasattr({"os": os, "select": select}[module], name) if dot else find_spec(module)
    return "" if here else needs
