"""A private network of several hosts: what it does, what it refuses, and how it ends."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from sockets_lab import background
from sockets_lab.capabilities import Unavailable, has
from sockets_lab.netns import Host, NoPrivateNetwork, PrivateNetwork, private_network

needs_namespaces = pytest.mark.skipif(
    not has("namespaces"), reason="this machine makes no private network"
)
needs_nftables = pytest.mark.skipif(not has("nftables"), reason="this machine has no nftables")
pytestmark = needs_namespaces
IPV6_HERE = Path("/proc/sys/net/ipv6").exists()

MANY, KILLED = 50, 10
REFUSE = """table inet filter {
  chain input {
    type filter hook input priority 0
    tcp dport 80 counter %s comment "web"
  }
}"""


@pytest.fixture(scope="module")
def network() -> Iterator[PrivateNetwork]:
    with private_network() as made:
        yield made


@pytest.fixture(scope="module")
def server(network: PrivateNetwork) -> Host:
    return network.host("server")


@pytest.fixture(scope="module")
def client(network: PrivateNetwork) -> Host:
    return network.host("client")


@pytest.fixture
def listener(server: Host, family) -> Iterator[socket.socket]:
    with server.socket(family.family) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((server.address(family.family), 80))
        made.listen()
        yield made


def result_of_connecting(client: Host, family, name) -> str:
    with client.socket(family.family) as sock:
        sock.settimeout(0.3)
        try:
            sock.connect(name)
        except OSError as error:
            return type(error).__name__
        return "connected"


# What it does


def test_one_host_reaches_the_other(listener, client, family):
    with client.socket(family.family) as sock:
        sock.settimeout(5)
        sock.connect(listener.getsockname())
        connection, peer = listener.accept()
        with connection:
            assert peer[0] == client.address(family.family)
            sock.sendall(b"hello")
            assert connection.recv(5) == b"hello"


def test_the_notebooks_tools_work_on_its_sockets(listener, client, family):
    def echo(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(100))

    with background.run(echo, listener), client.socket(family.family) as sock:
        sock.settimeout(5)
        sock.connect(listener.getsockname())
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"


def test_a_link_local_address_needs_its_scope(server, client):
    with server.socket(socket.AF_INET6) as listener, client.socket(socket.AF_INET6) as sock:
        listener.bind((server.link_local, 0, 0, server.scope_id))
        listener.listen()
        port = listener.getsockname()[1]
        sock.settimeout(5)
        with pytest.raises(OSError, match="Invalid argument") as caught:
            sock.connect((server.link_local, port))
        assert caught.value.errno == errno.EINVAL
        sock.connect((server.link_local, port, 0, client.scope_id))
        assert sock.getpeername()[3] == client.scope_id


def test_each_host_has_a_separate_loopback(server, client, family):
    with server.socket(family.family) as listener:
        listener.bind((family.host, 0))
        listener.listen()
        assert result_of_connecting(server, family, listener.getsockname()) == "connected"
        assert (
            result_of_connecting(client, family, listener.getsockname()) == "ConnectionRefusedError"
        )


def test_a_function_runs_on_a_host(listener, client, family):
    def peer(name) -> str:
        with socket.create_connection(name, timeout=5) as sock:
            return sock.getsockname()[0]

    assert client.run(peer, listener.getsockname()[:2]) == client.address(family.family)


def test_raises_what_a_function_raises(client):
    with pytest.raises(ZeroDivisionError):
        client.run(lambda: 1 // 0)


def test_each_host_has_separate_settings(server, client):
    before = client.setting("net.ipv4.tcp_syncookies")
    server.setting("net.ipv4.tcp_syncookies", 2)
    assert server.setting("net.ipv4.tcp_syncookies") == "2" != before
    assert client.setting("net.ipv4.tcp_syncookies") == before


@pytest.mark.parametrize("name", ["kernel.hostname", "net", "net.ipv4/../x", "/etc/passwd"])
def test_refuses_other_settings(server, name):
    with pytest.raises(ValueError, match="is not a network setting"):
        server.setting(name)


@needs_nftables
@pytest.mark.parametrize(
    ("verdict", "seen"),
    [("drop", "TimeoutError"), ("reject with tcp reset", "ConnectionRefusedError")],
)
def test_a_firewall_drops_or_refuses(server, client, listener, family, verdict, seen):
    assert result_of_connecting(client, family, listener.getsockname()) == "connected"
    server.firewall(REFUSE % verdict)
    try:
        assert result_of_connecting(client, family, listener.getsockname()) == seen
        assert server.counted()["web"] >= 1
    finally:
        server.firewall("")
    assert result_of_connecting(client, family, listener.getsockname()) == "connected"
    assert server.counted() == {}


@needs_nftables
def test_wrong_rules_leave_the_old_ones(server):
    server.firewall(REFUSE % "drop")
    try:
        with pytest.raises(ValueError, match=r"line 1:.*syntax error"):
            server.firewall("table inet filter { chain input { drp } }")
        assert server.counted() == {"web": 0}
    finally:
        server.firewall("")


def test_explains_a_lack_of_nftables(server, monkeypatch):
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "nftables")
    with pytest.raises(Unavailable, match="switched off"):
        server.firewall("")


def test_delays_packets_where_netem_is(network, server, family):
    if not has("netem"):
        with pytest.raises(Unavailable, match="no netem"):
            network.host("slow", delay_s=0.05)
        return
    slow = network.host("slow", delay_s=0.05)
    with server.socket(family.family) as listener, slow.socket(family.family) as sock:
        listener.bind((server.address(family.family), 0))
        listener.listen()
        began = time.monotonic()
        sock.connect(listener.getsockname())
        assert time.monotonic() - began >= 0.05


# What it refuses


def test_refuses_a_name_that_is_taken(network, server):
    with pytest.raises(ValueError, match="already"):
        network.host("server")


@pytest.mark.parametrize(("delay_s", "loss"), [(-1, 0), (0, -0.1), (0, 1.1)])
def test_refuses_an_impossible_link(network, delay_s, loss):
    with pytest.raises(ValueError, match="a loss from 0 to 1"):
        network.host("odd", delay_s=delay_s, loss=loss)


def test_raises_the_errno_of_socket(client):
    with pytest.raises(OSError, match="Invalid argument") as caught:
        client.socket(socket.AF_INET, 99)
    assert caught.value.errno == errno.EINVAL


def test_explains_a_lack_of_namespaces(monkeypatch):
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "namespaces")
    with pytest.raises(NoPrivateNetwork, match="switched off"), private_network():
        pass


# How it ends


@pytest.fixture
def mark(monkeypatch) -> str:
    """Mark the processes that this test starts, and theirs: other tests may run beside it."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv("SOCKETS_LAB_MARK", mark)
    return mark


def marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SOCKETS_LAB_MARK") == mark:
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(condition, deadline_s: float = 10.0) -> bool:
    end = time.monotonic() + deadline_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())


USER = """
import time
from sockets_lab.netns import private_network
with private_network() as network:
    network.host("server"), network.host("client")
    print("there", flush=True)
    time.sleep(60)
"""


def test_nothing_is_left_of_many_networks(mark):
    interfaces = set(os.listdir("/sys/class/net"))
    for number in range(MANY):
        if number % (MANY // KILLED) == 0:
            with subprocess.Popen([sys.executable, "-c", USER], stdout=subprocess.PIPE) as user:
                assert user.stdout.readline() == b"there\n"
                user.send_signal(signal.SIGKILL)
            assert user.returncode == -signal.SIGKILL
        else:
            with private_network() as network:
                network.host("server")
                network.host("client")
    assert wait_until(lambda: not marked(mark))  # a network ends with its last process and socket
    assert set(os.listdir("/sys/class/net")) == interfaces


def fail_in_a_network(open_ones: ExitStack) -> None:
    with private_network() as network:
        kept = open_ones.enter_context(network.host("server").socket())
        raise RuntimeError(kept.fileno())


def test_ends_after_an_exception(mark):
    with ExitStack() as open_ones:
        with pytest.raises(RuntimeError):
            fail_in_a_network(open_ones)
        assert wait_until(lambda: not marked(mark))


def test_reports_that_the_holder_was_killed(mark):
    with private_network() as network:
        (holder,) = marked(mark)
        holder.kill()
        with pytest.raises((RuntimeError, OSError)):
            network.host("server")
