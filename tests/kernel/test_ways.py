"""The ways to the kernel's table agree, and each lists what it cannot show."""

import os
import socket

import psutil

from sockets_lab.capabilities import SWITCH
from sockets_lab.kernel import look, until
from tests.kernel.support import WAYS, accept, connect, listening, on_linux


def sockets_in_many_states(kept, family):
    """Open sockets in as many states as one listener can have at the same time."""
    listener = kept.enter_context(listening(family, backlog=1))
    asking, half_closed = connect(kept, listener), connect(kept, listener)
    accepted = [accept(kept, listener) for _ in range(2)]
    asking.sendall(b"request")
    half_closed.shutdown(socket.SHUT_WR)
    waiting = [connect(kept, listener) for _ in range(2)]
    waiting[0].sendall(b"hello")
    waiting[1].sendall(b"bye")
    waiting[1].shutdown(socket.SHUT_WR)
    late = kept.enter_context(socket.socket(family.family))
    late.setblocking(False)
    late.connect_ex(listener.getsockname())
    return [listener, asking, half_closed, *accepted, *waiting, late]


@on_linux
def test_all_ways_agree_where_they_can_see(kept, family, monkeypatch):
    sockets = sockets_in_many_states(kept, family)
    settled = {"client 2": "FIN_WAIT_2", "client 4": "FIN_WAIT_2"}
    until(lambda seen: all(seen.state(who) == what for who, what in settled.items()), *sockets)
    best = look(*sockets)
    assert {view.state for view in best} == {
        *("LISTEN", "ESTABLISHED", "FIN_WAIT_2", "CLOSE_WAIT", "SYN_SENT")
    }
    assert best["connection 4"].unread == 3  # the FIN does not count
    for off in WAYS.values():
        monkeypatch.setenv(SWITCH, off)
        for view, other in zip(best, look(*sockets), strict=True):
            pairs = zip(view, other, strict=True)
            assert [(one, two) for one, two in pairs if two not in (None, one)] == [], off


@on_linux
def test_every_way_lists_what_it_cannot_show(kept, listener, monkeypatch):
    connect(kept, listener)
    unseen = []
    for off in WAYS.values():
        monkeypatch.setenv(SWITCH, off)
        unseen.append(look(listener).unseen)
    assert [bool(each) for each in unseen] == [False, False, False, True, True]
    assert unseen[3] == ("the limit of the accept queue",)
    assert "accept queue" in str(look(listener))


def test_shows_own_sockets_if_psutil_is_denied(kept, listener, monkeypatch):
    """As on macOS for an ordinary user."""

    def refuse(kind):
        raise psutil.AccessDenied(os.getpid())

    monkeypatch.setenv(SWITCH, "linux")
    monkeypatch.setattr(psutil, "net_connections", refuse)
    client, other = connect(kept, listener), connect(kept, listener)
    connection = accept(kept, listener)
    snapshot = look(listener, client, other, connection)
    assert snapshot.roles == ("listener", "client 1", "client 2", "connection 1")
    assert "connections that are not accepted yet" in snapshot.unseen
    client.close()
    assert look(listener, client)["client 1"].state == "CLOSED"
