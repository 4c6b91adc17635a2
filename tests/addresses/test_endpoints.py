"""Endpoints of both families are read, written and resolved."""

import errno
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockets_lab.addresses import (
    Endpoint,
    endpoint_of,
    ipv6_works,
    is_loopback,
    loopback,
    loopbacks,
    resolve,
)
from sockets_lab.addresses.endpoints import format_endpoint, parse_endpoint

WRITTEN = {
    "127.0.0.1:80": Endpoint("127.0.0.1", 80),
    "0.0.0.0:0": Endpoint("0.0.0.0", 0),
    "[::1]:80": Endpoint("::1", 80),
    "[fe80::1%2]:65535": Endpoint("fe80::1", 65535, 2),
    "[::ffff:127.0.0.1]:7": Endpoint("::ffff:127.0.0.1", 7),
}


@pytest.mark.parametrize(("text", "endpoint"), WRITTEN.items())
def test_reads_and_writes_an_endpoint(text, endpoint):
    assert parse_endpoint(text) == endpoint
    assert format_endpoint(endpoint) == str(endpoint) == f"{endpoint}" == text


@given(
    st.one_of(
        st.builds(Endpoint, st.ip_addresses(v=4).map(str), st.integers(0, 65535), st.just(0)),
        st.builds(
            Endpoint,
            st.ip_addresses(v=6).map(str),
            st.integers(0, 65535),
            st.integers(0, 2**32 - 1),
        ),
    )
)
def test_reads_back_what_it_writes(endpoint):
    assert parse_endpoint(str(endpoint)) == endpoint


def test_a_scope_may_be_an_interface():
    number, name = socket.if_nameindex()[0]
    assert parse_endpoint(f"[fe80::1%{name}]:80") == Endpoint("fe80::1", 80, number)


def test_a_missing_interface_raises_oserror():
    with pytest.raises(OSError, match="interface"):
        parse_endpoint("[fe80::1%nosuch0]:80")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("127.0.0.1", "does not end in a port"),
        ("127.0.0.1:", "does not end in a port"),
        ("127.0.0.1:http", "does not end in a port"),
        ("127.0.0.1:-1", "does not end in a port"),
        ("127.0.0.1:٣", "does not end in a port"),
        ("127.0.0.1:65536", "must be from 0 to 65535, not 65536"),
        ("::1:80", "in brackets"),
        ("[127.0.0.1]:80", "in brackets"),
        ("fe80::1%2:80", "in brackets"),
        ("[::1%]:80", "in brackets"),
        ("127.0.0.1%1:80", "in brackets"),
        ("localhost:80", "look the name up"),
        ("[::g]:80", "not a numeric address"),
        (":80", "not a numeric address"),
        ("", "does not end in a port"),
    ],
)
def test_explains_what_is_no_endpoint(text, advice):
    with pytest.raises(ValueError, match=advice):
        parse_endpoint(text)


@pytest.mark.parametrize("value", [None, 80, b"127.0.0.1:80", ("127.0.0.1", 80)])
def test_reads_only_strings(value):
    with pytest.raises(TypeError, match="an endpoint must be a string"):
        parse_endpoint(value)


def test_the_endpoint_of_a_live_socket(family):
    with socket.create_server((family.host, 0), family=family.family) as listener:
        endpoint = endpoint_of(listener.getsockname())
    assert endpoint.host == family.host
    assert endpoint.port > 0
    assert endpoint.family == family.family


def test_keeps_the_scope_once():
    assert endpoint_of(("fe80::1", 80, 0, 2)) == Endpoint("fe80::1", 80, 2)
    assert endpoint_of(("fe80::1%eth0", 80, 0, 2)) == Endpoint("fe80::1", 80, 2)


@pytest.mark.parametrize("sockaddr", ["/run/a.sock", b"", None, ("::1", 80, 0), ["127.0.0.1", 80]])
def test_refuses_other_socket_names(sockaddr):
    with pytest.raises(TypeError, match="getsockname"):
        endpoint_of(sockaddr)


def test_refuses_a_host_that_is_no_string():
    with pytest.raises(TypeError, match="must be a string, not b"):
        endpoint_of((b"127.0.0.1", 80))


def test_an_endpoint_with_a_name_has_no_family():
    with pytest.raises(ValueError, match="look the name up"):
        _ = Endpoint("localhost", 80).family


def test_a_numeric_address_resolves_to_itself(family):
    found = resolve(family.host, 80)
    assert [(answer.family, answer.kind) for answer in found] == [
        (family.family, socket.SOCK_STREAM)
    ]
    assert found[0].endpoint == Endpoint(family.host, 80)


def test_a_resolved_address_can_be_bound(family):
    answer = resolve(family.host, 0, kind=socket.SOCK_DGRAM, passive=True)[0]
    with socket.socket(answer.family, answer.kind, answer.protocol) as sock:
        sock.bind(answer.sockaddr)
        assert sock.getsockname()[0] == family.host


def test_no_host_means_loopback_or_wildcard():
    assert resolve(None, 80, family=socket.AF_INET)[0].endpoint.host == "127.0.0.1"
    assert resolve(None, 80, family=socket.AF_INET, passive=True)[0].endpoint.host == "0.0.0.0"


def test_returns_only_the_requested_family():
    found = resolve("localhost", 80, family=socket.AF_INET)
    assert {answer.family for answer in found} == {socket.AF_INET}


def test_raises_the_resolvers_error():
    with pytest.raises(socket.gaierror):
        resolve("127.0.0.1", 80, family=socket.AF_INET6)


def test_an_unknown_name_raises_gaierror(monkeypatch):
    def answer_nothing(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # No DNS query leaves this machine, not even for a name that cannot exist.
    monkeypatch.setattr(socket, "getaddrinfo", answer_nothing)
    with pytest.raises(socket.gaierror) as caught:
        resolve("nowhere.invalid", 80)
    assert caught.value.errno == socket.EAI_NONAME


@pytest.mark.parametrize("port", [True, "80", "http", 80.0, None])
def test_refuses_a_port_that_is_no_integer(port):
    with pytest.raises(TypeError, match="from 0 to 65535"):
        resolve("127.0.0.1", port)
    with pytest.raises(TypeError, match="from 0 to 65535"):
        endpoint_of(("127.0.0.1", port))


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_refuses_a_port_out_of_range(port):
    with pytest.raises(ValueError, match=f"must be from 0 to 65535, not {port}"):
        resolve("127.0.0.1", port)


@pytest.mark.parametrize("host", [80, b"localhost", ("127.0.0.1", 80)])
def test_resolves_only_strings(host):
    with pytest.raises(TypeError, match="the host must be a string, not"):
        resolve(host, 80)


def test_loopback_of_each_family(family):
    assert loopback(family.family) == family.host


def test_other_families_have_no_loopback():
    with pytest.raises(ValueError, match="AF_INET or AF_INET6"):
        loopback(socket.AF_UNSPEC)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"])
def test_recognises_loopback_addresses(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "fe80::1%2", "::ffff:192.0.2.1"]
)
def test_recognises_other_addresses(host):
    assert not is_loopback(host)


def test_refuses_to_classify_a_name():
    with pytest.raises(ValueError, match="look the name up"):
        is_loopback("localhost")


@pytest.fixture
def fresh_probe():
    loopbacks._binds_ipv6.cache_clear()
    yield
    loopbacks._binds_ipv6.cache_clear()


@pytest.mark.usefixtures("fresh_probe")
def test_ipv6_is_probed_by_binding(monkeypatch):
    class Refusing(socket.socket):
        def bind(self, address):
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(socket, "socket", Refusing)
    assert not ipv6_works()


@pytest.mark.parametrize("listed", ["ipv6", "namespaces, ipv6", "ipv6,tcp-info"])
def test_ipv6_can_be_switched_off(monkeypatch, listed):
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", listed)
    assert not ipv6_works()


def test_other_capabilities_leave_ipv6_on(monkeypatch):
    works = ipv6_works()
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "namespaces")
    assert ipv6_works() == works


def test_importing_addresses_is_cheap():
    code = "import sys; old = set(sys.modules); import sockets_lab.addresses; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"asyncio", "dataclasses", "inspect", "logging", "ssl"} & set(loaded)
