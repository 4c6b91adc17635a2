"""The entrants of the benchmark: the course's own servers, and peers to compare them with."""

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
    """A server in the benchmark.

    serve: where its function is, in the form that `sockets_lab.load.serving` takes
    lack: what this machine lacks for it, or ""
    options: further arguments of its function
    most_idle: idle connections to open in the memory table, fewer where each costs a thread
    """

    name: str
    serve: str
    lack: str = ""
    options: Mapping[str, Any] = {}
    most_idle: int = 1 << 16


@contextmanager
def entrants() -> Iterator[tuple[Entrant, ...]]:
    """Yield all entrants, with those that this machine cannot run; compile the peer in C."""
    with c_peer.compiled() as program:
        yield (
            Entrant(
                BASE,
                "sockets_lab.bench.c_peer:serve",
                "" if program else "a C compiler and epoll",
                {"program": program},
            ),
            _ours("epoll_loop"),
            _ours("selectors_loop"),
            _ours("coroutine_loop"),
            _ours("threaded")._replace(most_idle=1_000),
            _ours("asyncio_streams"),
            _ours("trio_streams"),
            _peer(UVLOOP, "uvloop_protocol", "uvloop"),
            _peer("uvloop streams", "uvloop_streams", "uvloop"),
            _peer("asyncio BufferedProtocol", "buffered_protocol"),
            _peer(ASYNCIO, "streams"),
            _peer(ASYNCIO_WARM, "streams_warmed"),
        )


def _ours(name: str) -> Entrant:
    model = MODELS[name]
    return Entrant(model.name, model.path, lack_of(model.needs))


def _peer(name: str, function: str, needs: str = "") -> Entrant:
    return Entrant(name, f"sockets_lab.bench.python_peers:{function}", lack_of(needs))


def lack_of(needs: str) -> str:
    """Return `needs` if this machine lacks it, else "".

    needs: a module, or "module.name" for a name in `os` or `select`
    """
    module, dot, name = needs.partition(".")
    if not module:
        return ""
    found = hasattr({"os": os, "select": select}[module], name) if dot else find_spec(module)
    return "" if found else needs
