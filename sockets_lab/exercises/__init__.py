"""Checks of the exercises: one file a chapter, and the machinery they share.

`from sockets_lab.exercises import check_serve_once`: the names are looked up when first used, so
that a notebook loads only its own chapter's check.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockets_lab.exercises.a_byte_stream import check_decoder
    from sockets_lab.exercises.bind_listen_accept import check_serve_once
    from sockets_lab.exercises.blocking_and_waiting import check_recv_exactly
    from sockets_lab.exercises.canonical_text import check_canonical
    from sockets_lab.exercises.closing import check_finish
    from sockets_lab.exercises.coroutines import check_serve_chat
    from sockets_lab.exercises.dual_stack import check_listen_everywhere
    from sockets_lab.exercises.event_loops import check_serve_echo
    from sockets_lab.exercises.file_server import check_serve_files
    from sockets_lab.exercises.harness.snapshots import LiveSocket, live_sockets, snapshot_words
    from sockets_lab.exercises.serving_many import check_serve_pooled
    from sockets_lab.exercises.the_two_queues import (
        check_completed,
        check_queue_depth,
        count_completed,
    )
    from sockets_lab.exercises.tls_server import check_serve_tls
    from sockets_lab.exercises.what_a_server_socket_is import check_classify

_HOME = {
    "LiveSocket": "harness.snapshots",
    "check_canonical": "canonical_text",
    "check_classify": "what_a_server_socket_is",
    "check_completed": "the_two_queues",
    "check_decoder": "a_byte_stream",
    "check_finish": "closing",
    "check_listen_everywhere": "dual_stack",
    "check_queue_depth": "the_two_queues",
    "check_recv_exactly": "blocking_and_waiting",
    "check_serve_chat": "coroutines",
    "check_serve_echo": "event_loops",
    "check_serve_pooled": "serving_many",
    "check_serve_files": "file_server",
    "check_serve_tls": "tls_server",
    "check_serve_once": "bind_listen_accept",
    "count_completed": "the_two_queues",
    "live_sockets": "harness.snapshots",
    "snapshot_words": "harness.snapshots",
}

__all__ = [
    "LiveSocket",
    "check_canonical",
    "check_classify",
    "check_completed",
    "check_decoder",
    "check_finish",
    "check_listen_everywhere",
    "check_queue_depth",
    "check_recv_exactly",
    "check_serve_chat",
    "check_serve_echo",
    "check_serve_files",
    "check_serve_once",
    "check_serve_pooled",
    "check_serve_tls",
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
