"""Two listeners on one port number, whatever the system's default for IPv6 sockets is."""

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
        yield lambda *args: [closing.enter_context(each) for each in open_listeners(*args)]


def can_connect(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except ConnectionRefusedError:
        return False
    return True


def sockets_with_v6only(default: bool) -> type[socket.socket]:
    """Return a socket class with this default of IPV6_V6ONLY."""

    class OtherDefault(REAL):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            if self.family == socket.AF_INET6 and kwargs.get("fileno") is None:
                self.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(default))

    return OtherDefault


@needs_ipv6
@pytest.mark.parametrize("default", [True, False])
def test_serves_both_families_by_any_default(monkeypatch, opened, default):
    monkeypatch.setattr(socket, "socket", sockets_with_v6only(default))
    listeners = opened()
    monkeypatch.undo()
    assert [each.family for each in listeners] == [socket.AF_INET, socket.AF_INET6]
    ports = {each.getsockname()[1] for each in listeners}
    assert len(ports) == 1
    assert all(can_connect(host, *ports) for host in ("127.0.0.1", "::1"))
    assert listeners[1].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@needs_ipv6
def test_opens_every_address_of_a_name(monkeypatch, opened):
    both = [*socket.getaddrinfo("127.0.0.1", 0), *socket.getaddrinfo("::1", 0)]
    streams = [answer for answer in both if answer[1] == socket.SOCK_STREAM]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: streams)
    assert {each.family for each in opened(["localhost"])} == {socket.AF_INET, socket.AF_INET6}


@needs_ipv6
def test_opens_a_repeated_address_once(opened):
    assert len(opened(["127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "localhost"])) == 2


@needs_ipv6
def test_opens_none_if_one_is_in_use():
    with REAL(socket.AF_INET6) as other:
        other.bind(("::1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match="in use") as caught:
            open_listeners(["127.0.0.1", "::1"], port)
        assert caught.value.errno == errno.EADDRINUSE
        assert not can_connect("127.0.0.1", port)


@needs_ipv6
def test_tries_another_port_if_one_is_in_use(monkeypatch, opened):
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
def test_skips_a_missing_family(monkeypatch, opened, code):
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


def test_refuses_a_reachable_address():
    with pytest.raises(ValueError, match="expose=True"):
        open_listeners(["127.0.0.1", "0.0.0.0"])


def test_refuses_an_empty_list():
    with pytest.raises(ValueError, match="hosts is empty"):
        open_listeners([])
