"""A snapshot's text and HTML, and its views by role."""

import socket
from contextlib import closing

import pytest

from sockets_lab.addresses import Endpoint
from sockets_lab.capabilities import has
from sockets_lab.kernel import Snapshot, SocketView, look


def view(role, state, **known):
    return SocketView(role, "stream", state, None, None, **known)


SNAPSHOT = Snapshot(
    [
        view("listener", "LISTEN", queue=1, queue_limit=2),
        view("client 1", "ESTABLISHED", unread=0, unsent=9),
        view("connection 1", "ESTABLISHED", has_descriptor=False, unread=5),
        view("client 2", "TIME_WAIT", has_descriptor=False),
        view("connection 2", "CLOSE_WAIT", has_descriptor=None, unread=1),
    ],
    ["bytes & <all>"],
)


def test_text_is_a_table_by_role():
    assert str(SNAPSHOT) == repr(SNAPSHOT)
    assert str(SNAPSHOT).splitlines() == [
        "listener      LISTEN       accept queue 1 of 2",
        "client 1      ESTABLISHED",
        "connection 1  ESTABLISHED  not accepted yet, 5 bytes unread",
        "client 2      TIME_WAIT    no descriptor any more",
        "connection 2  CLOSE_WAIT   1 byte unread",
        "cannot be seen here: bytes & <all>",
    ]


def test_html_has_a_caption_and_headings():
    html = SNAPSHOT._repr_html_()
    assert "<caption>" in html
    assert html.count('scope="row"') == 5
    assert html.count('scope="col"') == 3
    assert "bytes &amp; &lt;all&gt;" in html


def test_text_contains_no_port(sockets):
    listener, client, *_ = sockets
    snapshot = look(*sockets)
    for sock in (listener, client):
        assert str(sock.getsockname()[1]) not in str(snapshot) + snapshot._repr_html_()


def test_index_by_role_and_position():
    assert SNAPSHOT["client 2"] is SNAPSHOT[3]
    assert "client 2" in SNAPSHOT
    assert "client 3" not in SNAPSHOT
    assert (SNAPSHOT.state("client 2"), SNAPSHOT.state("client 3")) == ("TIME_WAIT", None)
    assert tuple(SNAPSHOT) == SNAPSHOT.views
    assert Snapshot(SNAPSHOT.views, SNAPSHOT.unseen) == SNAPSHOT
    with pytest.raises(KeyError, match=r"no role 'client 3' here: there is client 2"):
        SNAPSHOT["client 3"]


@pytest.mark.skipif(not has("ipv6"), reason="needs IPv6")
def test_view_has_the_kernels_endpoints():
    with closing(socket.create_server(("::1", 0), family=socket.AF_INET6)) as listener:
        assert look(listener)[0].local == Endpoint("::1", listener.getsockname()[1])
