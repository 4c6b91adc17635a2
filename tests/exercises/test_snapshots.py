"""Snapshots show what the kernel knows of live sockets."""

import socket

import pytest

from sockets_lab.addresses import endpoint_of
from sockets_lab.exercises.harness.snapshots import LiveSocket, live_sockets, snapshot_words
from tests.conftest import Family


def test_live_sockets_have_endpoints_but_no_roles(family: Family) -> None:
    with (
        socket.create_server((family.host, 0), family=family.family) as listener,
        socket.socket(family.family, socket.SOCK_DGRAM) as datagrams,
        socket.create_connection(listener.getsockname()[:2]) as client,
    ):
        datagrams.bind((family.host, 0))
        connection, _ = listener.accept()
        with connection:
            rows = live_sockets(listener, client, connection, datagrams)

    home, away = rows[0].local, rows[1].local
    assert rows[0] == LiveSocket("tcp", "LISTEN", home, None)
    assert rows[1] == LiveSocket("tcp", "ESTABLISHED", away, home)
    assert rows[2] == LiveSocket("tcp", "ESTABLISHED", home, away)
    assert (rows[3].protocol, rows[3].peer) == ("udp", None)
    assert home.host == family.host


def test_closed_socket_has_no_row() -> None:
    sock = socket.socket()
    sock.close()

    with pytest.raises(OSError, match=r"\[Errno"):
        live_sockets(sock)


def test_snapshot_has_letters_for_ports() -> None:
    here, there = endpoint_of(("127.0.0.1", 40_000)), endpoint_of(("::1", 50_000, 0, 0))
    rows = [
        LiveSocket("tcp", "LISTEN", here, None),
        LiveSocket("tcp", "ESTABLISHED", here, there),
        LiveSocket("udp", "bound", there, None),
    ]

    assert snapshot_words(rows).splitlines() == [
        "tcp  LISTEN      127.0.0.1:A     -",
        "tcp  ESTABLISHED 127.0.0.1:A     [::1]:B",
        "udp  bound       [::1]:B         -",
    ]
