"""Attacks are bounded, and reach this machine only."""

import socket
import threading
import time

import pytest

from sockets_lab import background, open_listener
from sockets_lab.peers import attacks

KINDS = {
    "hold_idle": (attacks.hold_idle, ()),
    "slowloris": (attacks.slowloris, (b"GET / HTTP/1.1\r\n",)),
    "slow_read": (attacks.slow_read, (b"please",)),
    "flood": (attacks.flood, (b"head",)),
}
HANG_S = 10.0


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture
def listener(family):
    with open_listener(family.host, backlog=64) as made:
        made.settimeout(HANG_S)
        yield made


def accepted(listener, many):
    return [listener.accept()[0] for _ in range(many)]


def test_it_holds_its_connections_until_stopped(listener, kind):
    attack, args = kind
    with background.run(attack, listener.getsockname(), *args, many=5) as run:
        held = accepted(listener, 5)
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert run.result == 5
    for connection in held:
        connection.close()


def test_it_reconnects_but_not_for_ever(listener):
    with background.run(attacks.hold_idle, listener.getsockname(), many=2) as run:
        for _ in range(attacks.AGAIN * 2):
            listener.accept()[0].close()
        listener.settimeout(0.3)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert run.result == attacks.AGAIN * 2


def test_slowloris_sends_single_bytes(listener):
    with background.run(attacks.slowloris, listener.getsockname(), b"abc", many=1, pause_s=0.02):
        (connection,) = accepted(listener, 1)
        with connection:
            connection.settimeout(HANG_S)
            assert [connection.recv(10) for _ in range(3)] == [b"a", b"b", b"c"]


def test_slow_read_blocks_the_server(listener):
    with background.run(attacks.slow_read, listener.getsockname(), b"ask", many=1):
        (connection,) = accepted(listener, 1)
        with connection:
            connection.settimeout(HANG_S)
            assert connection.recv(10) == b"ask"
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.sendall(bytes(20 << 20))


def test_a_flood_has_an_end(listener):
    with background.run(attacks.flood, listener.getsockname(), b"head", many=1, nbytes=200_000):
        (connection,) = accepted(listener, 1)
        with connection:
            connection.settimeout(HANG_S)
            received = 0
            while received < 200_004:
                received += len(connection.recv(65_536))
            connection.settimeout(0.2)
            with pytest.raises(TimeoutError):
                connection.recv(1)


def test_a_missing_listener_is_no_error(family, kind):
    attack, args = kind
    with open_listener(family.host) as listener:
        name = listener.getsockname()
    stop = threading.Event()
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    assert attack(name, *args, stop=stop, many=2) == 0
    timer.join()


def test_another_machine_is_refused(kind):
    attack, args = kind
    for host in ("192.0.2.1", "8.8.8.8"):
        with pytest.raises(ValueError, match="only to your own"):
            attack((host, 80), *args, stop=threading.Event())


@pytest.mark.parametrize("many", [0, -1, attacks.MOST + 1])
def test_it_is_bounded(listener, kind, many):
    attack, args = kind
    with pytest.raises(ValueError, match="between 1 and"):
        attack(listener.getsockname(), *args, stop=threading.Event(), many=many)


def test_it_ends_without_being_stopped(listener, monkeypatch):
    monkeypatch.setattr(attacks, "LONGEST_S", 0.3)
    began = time.monotonic()
    assert attacks.hold_idle(listener.getsockname(), stop=threading.Event(), many=3) == 3
    assert time.monotonic() - began < HANG_S


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="127.0.0.2 is Linux's")
def test_it_may_come_from_another_address():
    with open_listener() as listener:
        listener.settimeout(HANG_S)
        attack = background.run(
            attacks.hold_idle, listener.getsockname(), many=1, source="127.0.0.2"
        )
        with attack:
            connection, peer = listener.accept()
            connection.close()
    assert peer[0] == "127.0.0.2"
    with pytest.raises(ValueError, match="leave `source` out"):
        attacks.hold_idle(("::1", 80), stop=threading.Event(), source="127.0.0.2")
