"""Checks of the exercises: one file a chapter, and the machinery they share.

`from sockets_lab.exercises import check_serve_once`: the names are looked up when first used, so
that a notebook loads only its own chapter's check.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockets_lab.exercises.a_byte_stream import check_decoder
    from sockets_lab.exercises.bind_listen_accept import check_serve_once
    from sockets_lab.exercises.closing import check_finish
    from sockets_lab.exercises.snapshots import LiveSocket, live_sockets, snapshot_words
    from sockets_lab.exercises.the_two_queues import (
        check_completed,
        check_queue_depth,
        count_completed,
    )
    from sockets_lab.exercises.what_a_server_socket_is import check_classify

_HOME = {
    "LiveSocket": "snapshots",
    "check_classify": "what_a_server_socket_is",
    "check_completed": "the_two_queues",
    "check_decoder": "a_byte_stream",
    "check_finish": "closing",
    "check_queue_depth": "the_two_queues",
    "check_serve_once": "bind_listen_accept",
    "count_completed": "the_two_queues",
    "live_sockets": "snapshots",
    "snapshot_words": "snapshots",
}

__all__ = [
    "LiveSocket",
    "check_classify",
    "check_completed",
    "check_decoder",
    "check_finish",
    "check_queue_depth",
    "check_serve_once",
    "count_completed",
    "live_sockets",
    "snapshot_words",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
