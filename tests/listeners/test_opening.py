"""Listeners are opened on loopback by default, and never left half open."""

import errno
import os
import socket

import pytest

from sockets_lab import ipv6_works, open_listener
from sockets_lab.listeners import opening

needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="this machine cannot bind IPv6")


def test_accepts_a_client(family):
    with (
        open_listener(family.host) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
        listener.accept()[0] as connection,
    ):
        assert listener.family == family.family
        assert client.getpeername() == connection.getsockname()


def test_default_is_loopback_and_a_free_port():
    with open_listener() as listener:
        host, port = listener.getsockname()
    assert host == "127.0.0.1"
    assert port > 0


def test_takes_a_name():
    with open_listener("localhost") as listener:
        assert listener.getsockname()[0] in ("127.0.0.1", "::1")


def test_returns_a_plain_blocking_socket(family):
    with open_listener(family.host) as listener:
        assert type(listener) is socket.socket
        assert listener.gettimeout() is None
        assert not listener.get_inheritable()


def test_rebinds_during_time_wait(family):
    with open_listener(family.host) as listener:
        address = listener.getsockname()[:2]
        with socket.create_connection(address) as client:
            listener.accept()[0].close()
            assert client.recv(1) == b""
    with open_listener(*address) as again:
        assert again.getsockname()[:2] == address


@pytest.mark.skipif(os.name == "nt", reason="Windows uses another option")
@pytest.mark.parametrize("reuse", [True, False])
def test_reuse_address_can_be_off(reuse):
    with open_listener(reuse_address=reuse) as listener:
        assert bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)) is reuse


def test_windows_uses_its_own_option(monkeypatch):
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", -5, raising=False)
    assert opening._reuse_option() == -5


def test_a_second_listener_gets_eaddrinuse(family):
    with (
        open_listener(family.host) as listener,
        pytest.raises(OSError, match="in use") as caught,
    ):
        open_listener(*listener.getsockname()[:2])
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.skipif(os.name == "nt", reason="on Windows no port needs a privilege")
def test_a_privileged_port_raises_eacces(monkeypatch):
    class Guarded(socket.socket):
        def bind(self, address):
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "socket", Guarded)
    with pytest.raises(PermissionError) as caught:
        open_listener(port=80)
    assert caught.value.errno == errno.EACCES


@pytest.mark.parametrize("call", ["setsockopt", "bind", "listen"])
@pytest.mark.parametrize("error", [OSError(errno.ENOBUFS, "No buffer space"), KeyboardInterrupt()])
def test_closes_the_socket_on_every_failure(monkeypatch, family, call, error):
    opened = []

    class Failing(socket.socket):
        def __init__(self, *args):
            super().__init__(*args)
            opened.append(self)

    def fail(*args):
        raise error

    setattr(Failing, call, fail)
    monkeypatch.setattr(socket, "socket", Failing)
    with pytest.raises(type(error)):
        open_listener(family.host)
    assert [sock.fileno() for sock in opened] == [-1]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])
def test_refuses_a_reachable_address(host):
    with pytest.raises(ValueError, match="expose=True"):
        open_listener(host)


@needs_ipv6
def test_refuses_the_ipv6_wildcard():
    with pytest.raises(ValueError, match="'::' can be reached"):
        open_listener("::")


def test_expose_allows_a_reachable_address():
    with open_listener("0.0.0.0", expose=True) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


@needs_ipv6
@pytest.mark.parametrize("dual_stack", [True, False])
def test_v6only_is_always_set(dual_stack):
    with open_listener("::", dual_stack=dual_stack, expose=True) as listener:
        v6only = listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    assert bool(v6only) is not dual_stack


@needs_ipv6
def test_dual_stack_takes_ipv4_clients():
    with open_listener("::", dual_stack=True, expose=True) as listener:
        port = listener.getsockname()[1]
        with (
            socket.create_connection(("127.0.0.1", port)),
            listener.accept()[0] as connection,
        ):
            assert connection.getpeername()[0] == "::ffff:127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_one_address_cannot_be_dual_stack(host):
    with pytest.raises(ValueError, match="bind '::'"):
        open_listener(host, dual_stack=True)


@pytest.mark.parametrize("port", [True, "80", None])
def test_refuses_a_port_of_the_wrong_type(port):
    with pytest.raises(TypeError, match="from 0 to 65535"):
        open_listener(port=port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_refuses_a_port_out_of_range(port):
    with pytest.raises(ValueError, match="the port must be from 0 to 65535, not"):
        open_listener(port=port)


@pytest.mark.parametrize("backlog", [True, "5", 1.0, None])
def test_refuses_a_backlog_of_the_wrong_type(backlog):
    with pytest.raises(TypeError, match="the backlog must be an integer, not"):
        open_listener(backlog=backlog)


def test_refuses_a_negative_backlog():
    with pytest.raises(ValueError, match="must be 0 or more, not -1"):
        open_listener(backlog=-1)


def test_an_unknown_name_raises_gaierror(monkeypatch):
    def answer_nothing(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", answer_nothing)
    with pytest.raises(socket.gaierror):
        open_listener("nowhere.invalid")


def test_without_ipv6_raises_eafnosupport(monkeypatch):
    def refuse(family, kind):
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(OSError, match="Address family") as caught:
        open_listener("::1")
    assert caught.value.errno == errno.EAFNOSUPPORT
