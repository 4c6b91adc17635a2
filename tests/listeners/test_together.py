"""Two listeners side by side on one port number, whatever a system does by default."""

import errno
import socket
from contextlib import ExitStack

import pytest

from sockets_lab import ipv6_works
from sockets_lab.listeners import open_listeners

REAL = socket.socket
needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="this machine cannot bind an IPv6 address")


@pytest.fixture
def opened():
    with ExitStack() as closing:
        yield lambda *args: [closing.enter_context(one) for one in open_listeners(*args)]


def reaches(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except ConnectionRefusedError:
        return False
    return True


def where_ipv6_only_is(default: bool) -> type[socket.socket]:
    """Make sockets as a system makes them whose IPv6 sockets begin like that."""

    class Foreign(REAL):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            if self.family == socket.AF_INET6 and kwargs.get("fileno") is None:
                self.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(default))

    return Foreign


@needs_ipv6
@pytest.mark.parametrize("default", [True, False])
def test_both_families_reach_it_whatever_the_systems_default(monkeypatch, opened, default):
    monkeypatch.setattr(socket, "socket", where_ipv6_only_is(default))
    listeners = opened()
    monkeypatch.undo()
    assert [one.family for one in listeners] == [socket.AF_INET, socket.AF_INET6]
    ports = {one.getsockname()[1] for one in listeners}
    assert len(ports) == 1
    assert all(reaches(host, *ports) for host in ("127.0.0.1", "::1"))
    assert listeners[1].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@needs_ipv6
def test_a_name_stands_for_all_its_addresses(monkeypatch, opened):
    both = [*socket.getaddrinfo("127.0.0.1", 0), *socket.getaddrinfo("::1", 0)]
    streams = [answer for answer in both if answer[1] == socket.SOCK_STREAM]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: streams)
    assert {one.family for one in opened(["localhost"])} == {socket.AF_INET, socket.AF_INET6}


@needs_ipv6
def test_an_address_that_comes_twice_is_opened_once(opened):
    assert len(opened(["127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "localhost"])) == 2


@needs_ipv6
def test_if_one_is_taken_none_is_opened():
    with REAL(socket.AF_INET6) as other:
        other.bind(("::1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match="in use") as caught:
            open_listeners(["127.0.0.1", "::1"], port)
        assert caught.value.errno == errno.EADDRINUSE
        assert not reaches("127.0.0.1", port)


@needs_ipv6
def test_another_number_is_tried_where_the_second_address_has_it_taken(monkeypatch, opened):
    refused = []

    class TakenTwice(REAL):
        def bind(self, address):
            if address[0] == "::1" and len(refused) < 2:
                refused.append(address[1])
                raise OSError(errno.EADDRINUSE, "Address already in use")
            super().bind(address)

    monkeypatch.setattr(socket, "socket", TakenTwice)
    first, second = opened()
    assert len(refused) == 2
    assert first.getsockname()[1] == second.getsockname()[1] not in refused


@pytest.mark.parametrize("code", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_family_that_is_missing_is_left_out(monkeypatch, opened, code):
    class WithoutIpv6(REAL):
        def __init__(self, family=socket.AF_INET, *args, **kwargs):
            if family == socket.AF_INET6 and code == errno.EAFNOSUPPORT:
                raise OSError(code, "Address family not supported by protocol")
            super().__init__(family, *args, **kwargs)

        def bind(self, address):
            if len(address) == 4:
                raise OSError(code, "Cannot assign requested address")
            super().bind(address)

    monkeypatch.setattr(socket, "socket", WithoutIpv6)
    (only,) = opened(["127.0.0.1", "::1"])
    assert only.family == socket.AF_INET
    with pytest.raises(OSError, match=r"(?i)address") as caught:
        open_listeners(["::1"])
    assert caught.value.errno == code


def test_an_address_that_others_reach_must_be_asked_for():
    with pytest.raises(ValueError, match="expose=True"):
        open_listeners(["127.0.0.1", "0.0.0.0"])


def test_no_host_is_refused():
    with pytest.raises(ValueError, match="no host"):
        open_listeners([])
