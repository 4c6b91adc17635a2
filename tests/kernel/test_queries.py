"""Read one value of one socket: its state, its accept queue, bytes unread and unsent."""

import socket
import sys

import pytest

from sockets_lab.capabilities import SWITCH, Unavailable
from sockets_lab.kernel import (
    AcceptQueue,
    accept_queue,
    look,
    options,
    state_of,
    unread,
    unsent,
)
from tests.kernel.support import on_linux


def test_state_of(sockets):
    listener, client, connection, _ = sockets
    assert state_of(listener) == "LISTEN"
    assert state_of(client) == state_of(connection) == "ESTABLISHED"
    client.close()
    assert state_of(connection) == "CLOSE_WAIT"


@on_linux
@pytest.mark.parametrize("off", ["", "tcp-info"])
def test_accept_queue_now_and_limit(sockets, monkeypatch, off):
    monkeypatch.setenv(SWITCH, off)
    listener, *_ = sockets
    assert accept_queue(listener) == AcceptQueue(now=1, limit=3)
    listener.accept()[0].close()
    assert accept_queue(listener) == (0, 3)


@on_linux
def test_accept_queue_limit_is_capped_by_somaxconn(family):
    with open("/proc/sys/net/core/somaxconn") as file:
        somaxconn = int(file.read())
    with socket.create_server((family.host, 0), family=family.family, backlog=10**6) as listener:
        assert accept_queue(listener).limit == somaxconn


def test_unavailable_where_there_is_no_tcp_info(sockets, monkeypatch):
    monkeypatch.setenv(SWITCH, "linux")
    with pytest.raises(Unavailable, match="accept queue and its limit cannot be seen here"):
        accept_queue(sockets[0])
    with pytest.raises(Unavailable, match="bytes unsent cannot be seen here"):
        unsent(sockets[1])


def test_unavailable_where_bytes_are_not_counted(sockets, monkeypatch):
    """As on Windows, which has no termios."""
    monkeypatch.setenv(SWITCH, "linux")
    monkeypatch.setitem(sys.modules, "termios", None)
    with pytest.raises(Unavailable, match="receive them instead"):
        unread(sockets[1])
    assert look(sockets[1])[0].unread is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count them")
def test_unread(sockets):
    _, client, connection, _ = sockets
    client.sendall(b"hello")
    assert unread(connection) == 5
    connection.recv(2)
    assert unread(connection) == 3
    client.shutdown(socket.SHUT_WR)
    assert unread(connection) == 3


@on_linux
def test_unsent_exceeds_the_other_ends_buffer(sockets):
    _, client, connection, _ = sockets
    client.setblocking(False)
    sent = fill(client)
    assert unread(connection) + unsent(client) >= sent
    assert unsent(client) > 0


def fill(client):
    """Send until the kernel takes no more; return how many bytes it took."""
    sent = 0
    while True:
        try:
            sent += client.send(bytes(1 << 16))
        except BlockingIOError:
            return sent


def test_accept_queue_needs_a_listener(sockets):
    with pytest.raises(ValueError, match="is not listening: call listen"):
        accept_queue(sockets[1])


@pytest.mark.parametrize("query", [accept_queue, unread, options])
def test_closed_socket_raises_ebadf(query, family):
    sock = socket.socket(family.family)
    sock.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        query(sock)


@pytest.mark.parametrize("query", [accept_queue, unread, unsent, options, state_of])
def test_refuses_what_is_not_a_socket(query):
    with pytest.raises(TypeError, match="expected a socket"):
        query(5)


def test_unsent_refuses_udp(family):
    with (
        socket.socket(family.family, socket.SOCK_DGRAM) as sock,
        pytest.raises(ValueError, match="is a UDP socket"),
    ):
        unsent(sock)
