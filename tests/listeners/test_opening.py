"""Listeners are opened in plain order, on loopback, and never left half open."""

import errno
import os
import socket

import pytest

from sockets_lab import ipv6_works, open_listener
from sockets_lab.listeners import opening

needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="this machine cannot bind IPv6")


def test_a_client_reaches_the_listener(family):
    with (
        open_listener(family.host) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
        listener.accept()[0] as connection,
    ):
        assert listener.family == family.family
        assert client.getpeername() == connection.getsockname()


def test_by_default_it_is_loopback_and_a_free_port():
    with open_listener() as listener:
        host, port = listener.getsockname()
    assert host == "127.0.0.1"
    assert port > 0


def test_a_name_may_stand_for_the_address():
    with open_listener("localhost") as listener:
        assert listener.getsockname()[0] in ("127.0.0.1", "::1")


def test_it_is_a_plain_blocking_socket_that_children_do_not_inherit(family):
    with open_listener(family.host) as listener:
        assert type(listener) is socket.socket
        assert listener.gettimeout() is None
        assert not listener.get_inheritable()


def test_the_port_can_be_bound_again_over_time_wait(family):
    with open_listener(family.host) as listener:
        address = listener.getsockname()[:2]
        with socket.create_connection(address) as client:
            listener.accept()[0].close()
            assert client.recv(1) == b""
    with open_listener(*address) as again:
        assert again.getsockname()[:2] == address


@pytest.mark.skipif(os.name == "nt", reason="Windows has another option for this")
@pytest.mark.parametrize("reuse", [True, False])
def test_reuse_can_be_switched_off(reuse):
    with open_listener(reuse_address=reuse) as listener:
        assert bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)) is reuse


def test_windows_gets_its_own_option(monkeypatch):
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", -5, raising=False)
    assert opening._reuse_option() == -5


def test_a_second_listener_is_told_that_the_address_is_in_use(family):
    with (
        open_listener(family.host) as listener,
        pytest.raises(OSError, match="in use") as caught,
    ):
        open_listener(*listener.getsockname()[:2])
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.skipif(os.name == "nt", reason="a Windows port needs no right")
def test_a_port_without_the_right_to_it_keeps_the_kernels_word(monkeypatch):
    class Guarded(socket.socket):
        def bind(self, address):
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "socket", Guarded)
    with pytest.raises(PermissionError) as caught:
        open_listener(port=80)
    assert caught.value.errno == errno.EACCES


@pytest.mark.parametrize("call", ["setsockopt", "bind", "listen"])
@pytest.mark.parametrize("error", [OSError(errno.ENOBUFS, "No buffer space"), KeyboardInterrupt()])
def test_the_socket_is_closed_on_every_failure_path(monkeypatch, family, call, error):
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
def test_an_address_that_others_can_reach_is_refused(host):
    with pytest.raises(ValueError, match="expose=True"):
        open_listener(host)


@needs_ipv6
def test_every_ipv6_address_is_refused_too():
    with pytest.raises(ValueError, match="'::' can be reached"):
        open_listener("::")


def test_an_exposed_listener_must_be_asked_for():
    with open_listener("0.0.0.0", expose=True) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


@needs_ipv6
@pytest.mark.parametrize("dual_stack", [True, False])
def test_v6only_is_always_set(dual_stack):
    with open_listener("::", dual_stack=dual_stack, expose=True) as listener:
        v6only = listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    assert bool(v6only) is not dual_stack


@needs_ipv6
def test_a_dual_stack_listener_takes_ipv4_clients():
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
def test_a_port_of_the_wrong_type_is_refused(port):
    with pytest.raises(TypeError, match="from 0 to 65535"):
        open_listener(port=port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_refused(port):
    with pytest.raises(ValueError, match="there is no port"):
        open_listener(port=port)


@pytest.mark.parametrize("backlog", [True, "5", 1.0, None])
def test_a_backlog_of_the_wrong_type_is_refused(backlog):
    with pytest.raises(TypeError, match="backlog"):
        open_listener(backlog=backlog)


def test_a_negative_backlog_is_refused():
    with pytest.raises(ValueError, match="write 0 or more"):
        open_listener(backlog=-1)


def test_an_unknown_name_keeps_the_resolvers_error(monkeypatch):
    def answer_nothing(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", answer_nothing)
    with pytest.raises(socket.gaierror):
        open_listener("nowhere.invalid")


def test_without_ipv6_the_kernels_word_goes_through(monkeypatch):
    def refuse(family, kind):
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(OSError, match="Address family") as caught:
        open_listener("::1")
    assert caught.value.errno == errno.EAFNOSUPPORT
