"""Read socket options by their constants' names."""

import socket
import struct

import pytest

from sockets_lab.kernel import options


def test_common_options_by_constant_name(sockets):
    listener, client, *_ = sockets
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found = options(client)
    assert found["SO_TYPE"] == socket.SOCK_STREAM
    assert (found["TCP_NODELAY"], found["SO_ACCEPTCONN"]) == (True, False)
    assert found["SO_LINGER"] is False
    assert found["SO_RCVBUF"] > 0
    assert options(listener)["SO_ACCEPTCONN"] is True
    assert ("IPV6_V6ONLY" in found) == (client.family == socket.AF_INET6)
    assert "SO_ERROR" not in found


def test_linger_is_in_seconds(sockets):
    sockets[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3))
    assert options(sockets[1], "SO_LINGER") == {"SO_LINGER": 3}


def test_options_in_the_order_requested(sockets):
    names = ("TCP_MAXSEG", "SO_ERROR", "SO_REUSEADDR")
    assert tuple(options(sockets[1], *names)) == names


def test_datagram_socket_has_no_tcp_options(family):
    with socket.socket(family.family, socket.SOCK_DGRAM) as sock:
        assert not any(name.startswith("TCP") for name in options(sock))
        assert "SO_ACCEPTCONN" not in options(sock)


@pytest.mark.parametrize("name", ["SO_NOTHING", "AF_INET", "reuse", "SOMAXCONN", ""])
def test_refuses_an_unknown_option(sockets, name):
    with pytest.raises(ValueError, match="is not a socket option of this platform"):
        options(sockets[1], name)
