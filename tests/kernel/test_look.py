"""Look at sockets in every state, in every way to the kernel's table."""

import os
import socket
import sys
from contextlib import closing

import pytest

from sockets_lab.addresses import endpoint_of
from sockets_lab.capabilities import has
from sockets_lab.kernel import look, state_of, until
from sockets_lab.roles import Roles
from tests.kernel.support import accept, connect, listening, on_linux


def ends_by_role(snapshot):
    """Return what every way can see."""
    return {view.role: (view.state, view.local, view.peer) for view in snapshot}


def test_listener_with_an_empty_queue(way, listener):
    snapshot = look(listener)
    view = snapshot["listener"]
    assert (view.kind, view.state, view.has_descriptor) == ("stream", "LISTEN", True)
    assert (view.local, view.peer) == (endpoint_of(listener.getsockname()), None)
    assert len(snapshot) == 1
    if way != "psutil":
        assert view.queue == 0
    if way in ("sock_diag", "sock_diag without TCP_INFO", "/proc"):
        assert view.queue_limit == 2


def test_client_and_connection_established(way, kept, listener):
    client = connect(kept, listener)
    connection = accept(kept, listener)
    snapshot = look(listener, connection, client)
    name, peer = endpoint_of(client.getsockname()), endpoint_of(client.getpeername())
    assert snapshot.roles == ("listener", "connection 1", "client 1")
    assert snapshot["client 1"][2:6] == ("ESTABLISHED", name, peer, True)
    assert snapshot["connection 1"][2:6] == ("ESTABLISHED", peer, name, True)


def test_shows_a_connection_before_accept(way, kept, listener):
    client = connect(kept, listener)
    client.sendall(b"hello")
    view = look(listener, client)["connection 1"]
    assert view.state == "ESTABLISHED"
    assert view.peer == endpoint_of(client.getsockname())
    if way == "psutil":
        assert (view.has_descriptor, view.unread) == (None, None)
    else:
        assert (view.has_descriptor, view.unread) == (False, 5)
        assert look(listener)["listener"].queue == 1


def test_connections_have_their_clients_numbers(way, kept, listener):
    clients = [connect(kept, listener) for _ in range(3)]
    snapshot = look(listener, *reversed(clients))
    assert snapshot["client 1"].local == snapshot["connection 1"].peer
    assert snapshot["client 3"].local == snapshot["connection 3"].peer
    assert snapshot["client 3"].local == endpoint_of(clients[0].getsockname())


def test_shows_clients_that_were_not_given(way, kept, listener):
    connect(kept, listener)
    assert ends_by_role(look(listener)).keys() == {"listener", "client 1", "connection 1"}


@on_linux
def test_client_beyond_the_backlog_is_in_syn_sent(way, kept, family):
    listener = kept.enter_context(listening(family, backlog=0))
    connect(kept, listener)
    late = kept.enter_context(socket.socket(family.family))
    late.setblocking(False)
    late.connect_ex(listener.getsockname())
    view = look(listener, late)["client 1"]
    assert (view.state, view.peer) == ("SYN_SENT", endpoint_of(listener.getsockname()))
    assert view.unsent in (0, None)
    assert state_of(late) == "SYN_SENT"


@on_linux
def test_shows_half_open_connections(way, kept, family):
    """With TCP_DEFER_ACCEPT the server's end stays in SYN_RECV until the first byte arrives."""
    listener = kept.enter_context(listening(family))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
    client = connect(kept, listener)
    snapshot = look(listener, client)
    assert snapshot["client 1"].state == "ESTABLISHED"
    assert snapshot["connection 1"].state == "SYN_RECV"


def test_states_of_a_closing_client(way, kept, listener):
    client, connection = connect(kept, listener), accept(kept, listener)
    sockets = (listener, client, connection)
    assert look(*sockets)["connection 1"].state == "ESTABLISHED"
    client.shutdown(socket.SHUT_WR)
    assert look(*sockets)["connection 1"].state == "CLOSE_WAIT"
    until(lambda seen: seen["client 1"].state == "FIN_WAIT_2", *sockets)
    connection.close()
    snapshot = until(lambda seen: seen["client 1"].state in ("TIME_WAIT", "CLOSED"), *sockets)
    assert snapshot.roles == ("listener", "client 1", "connection 1")
    assert snapshot["client 1"].state == "TIME_WAIT"
    assert snapshot["connection 1"].state == "CLOSED"


def test_shows_what_a_closed_client_leaves(way, kept, listener):
    client, connection = connect(kept, listener), accept(kept, listener)
    before = look(listener, client, connection)
    client.close()
    closed = until(lambda seen: seen["client 1"].state == "FIN_WAIT_2", listener, client)
    assert closed["client 1"].has_descriptor in (False, None)
    connection.close()
    left = look(listener, client, connection)
    assert left["client 1"].state == "TIME_WAIT"
    assert left["client 1"].local == before["client 1"].local
    assert left["connection 1"].state == "CLOSED"


def test_roles_keep_clients_no_longer_given(way, kept, listener):
    client, connection = connect(kept, listener), accept(kept, listener)
    roles = Roles(listener, client, connection)
    client.close()
    connection.close()
    snapshot = look(listener, roles=roles)
    assert snapshot["client 1"].state == "TIME_WAIT"
    assert look(roles=roles).roles == ("listener", "client 1", "connection 1")


def test_skips_leftovers_of_unknown_clients(way, kept, listener):
    client, connection = connect(kept, listener), accept(kept, listener)
    client.close()
    connection.close()
    assert look(listener).roles == ("listener",)


def test_leaves_out_other_sockets(way, kept, listener, family):
    stranger = kept.enter_context(listening(family))
    connect(kept, stranger)
    mine = connect(kept, listener)
    assert look(listener, mine).roles == ("listener", "client 1", "connection 1")
    assert look(mine).roles == ("client 1", "connection 1")


def test_connection_alone_shows_its_client(way, kept, listener):
    connect(kept, listener)
    connection = accept(kept, listener)
    assert look(listener, connection)["client 1"].state == "ESTABLISHED"
    assert set(look(connection).roles) == {"connection 1", "client 1"}


def test_reset_closes_immediately(way, kept, listener):
    client, connection = connect(kept, listener), accept(kept, listener)
    connection.sendall(b"unread")
    client.close()  # with unread bytes: RST, not FIN (RFC 9293, section 3.10.7.4)
    assert state_of(connection) == "CLOSED"


def test_unconnected_sockets_are_closed(way, kept, family):
    fresh = kept.enter_context(socket.socket(family.family))
    assert look(fresh)["socket 1"][2:5] == ("CLOSED", None, None)
    fresh.bind((family.host, 0))
    assert look(fresh)["socket 1"].state == "CLOSED"
    assert look(fresh)["socket 1"].local == endpoint_of(fresh.getsockname())


def test_role_follows_what_a_socket_becomes(kept, family):
    first = kept.enter_context(socket.socket(family.family))
    second = kept.enter_context(socket.socket(family.family))
    roles = Roles(first, second)
    first.bind((family.host, 0))
    first.listen()
    second.connect(first.getsockname())
    assert look(roles=roles).roles == ("listener", "client 1", "connection 1")


def test_keywords_name_roles(way, kept, listener):
    browser = connect(kept, listener)
    snapshot = look(listener, my_browser=browser)
    assert snapshot.roles == ("listener", "my browser", "connection 1")
    assert snapshot["my browser"].state == "ESTABLISHED"


def test_wildcard_listener_has_its_connections(way, kept, family):
    host = "0.0.0.0" if family.family == socket.AF_INET else "::"
    listener = kept.enter_context(listening(family, host))
    client = kept.enter_context(
        socket.create_connection((family.host, listener.getsockname()[1]), timeout=5)
    )
    assert look(listener, client).roles == ("listener", "client 1", "connection 1")


def test_dual_stack_listener_has_both_families(way, kept):
    if not (socket.has_dualstack_ipv6() and has("ipv6")):
        pytest.skip("this machine has no dual-stack sockets")
    listener = kept.enter_context(
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    )
    port = listener.getsockname()[1]
    four, six = (
        kept.enter_context(socket.create_connection((host, port), timeout=5))
        for host in ("127.0.0.1", "::1")
    )
    snapshot = look(listener, four, six)
    assert snapshot.roles == ("listener", "client 1", "client 2", "connection 1", "connection 2")
    assert snapshot["connection 1"].peer.host == "::ffff:127.0.0.1"
    assert snapshot["client 1"].peer.host == "127.0.0.1"


def test_two_listeners_on_one_endpoint(kept, listener, family):
    if not hasattr(socket, "SO_REUSEPORT"):
        pytest.skip("this system has no SO_REUSEPORT")
    first = kept.enter_context(socket.socket(family.family))
    second = kept.enter_context(socket.socket(family.family))
    for sock in (first, second):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    first.bind((family.host, 0))
    second.bind(first.getsockname())
    first.listen(3)
    second.listen(4)
    snapshot = look(first, second)
    assert snapshot["listener"].local == snapshot["listener 2"].local
    if has("tcp-info"):
        assert [view.queue_limit for view in snapshot] == [3, 4]


def test_datagram_sockets_have_words_for_states(way, kept, family):
    sock = kept.enter_context(socket.socket(family.family, socket.SOCK_DGRAM))
    states = [look(sock)[0].state]
    sock.bind((family.host, 0))
    states.append(look(sock)[0].state)
    sock.connect(sock.getsockname())
    sock.send(b"abc")
    sock.send(b"longer")
    states.append(look(sock)[0].state)
    if sys.platform == "linux":
        assert look(sock)[0].unread == 3  # the next datagram
    sock.close()
    states.append(look(sock)[0].state)
    assert states == ["unbound", "bound", "connected", "closed"]
    assert look(sock)[0].kind == "datagram"


# Side effects


def test_calls_no_method_that_a_recording_patches(way, kept, listener, monkeypatch):
    client = connect(kept, listener)

    def recorded(*args, **kwargs):
        raise AssertionError("a recording would show this call")

    for name in ("getsockopt", "getsockname", "getpeername", "fileno", "accept", "__init__"):
        monkeypatch.setattr(socket.socket, name, recorded, raising=False)
    snapshot = look(listener, client)
    monkeypatch.undo()
    assert len(snapshot) == 3


def test_reads_no_byte_and_clears_no_error(way, kept, listener):
    client, connection = connect(kept, listener), accept(kept, listener)
    client.sendall(b"hello")
    look(listener, client, connection)
    assert connection.recv(10) == b"hello"
    client.sendall(b"unread")
    connection.close()
    look(listener, client)
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


@on_linux
def test_leaves_no_descriptor_open(sockets):
    look(*sockets)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        look(*sockets)
    assert len(os.listdir("/proc/self/fd")) == before


# Wrong input


@pytest.mark.parametrize("wrong", [None, 3, "listener", ("127.0.0.1", 80)])
def test_refuses_what_is_not_a_socket(wrong):
    with pytest.raises(TypeError, match="expected a socket"):
        look(wrong)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no AF_UNIX")
def test_refuses_a_socket_of_another_family():
    one, other = socket.socketpair()
    with closing(one), closing(other), pytest.raises(ValueError, match="AF_INET or AF_INET6"):
        look(one)


def test_socket_closed_before_the_first_look(way, family):
    sock = socket.socket(family.family)
    sock.close()
    view = look(sock)["socket 1"]
    assert view[2:6] == ("CLOSED", None, None, False)


def test_no_sockets_make_an_empty_snapshot():
    assert len(look()) == 0
    assert str(look()) == "no sockets"
