"""Idle connections: their source addresses, their cost, and room for their descriptors."""

import os
import socket
import sys
import time
from threading import Event

import pytest

from sockets_lab import background
from sockets_lab.listeners import open_listener
from sockets_lab.load import (
    MOST_CONNECTIONS,
    Served,
    TooFewDescriptors,
    connecting,
    descriptors,
    hold,
    how_many_fit,
    serving,
)
from tests.conftest import Family
from tests.support import child_servers
from tests.support.interrupting import interrupted_after

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has many loopback addresses"
)
posix_only = pytest.mark.skipif(os.name != "posix", reason="Windows has no such limit")


def limits() -> tuple[int, int]:
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)


def test_holds_plain_sockets_during_the_block(family: Family) -> None:
    with serving(child_servers.echo, host=family.host) as server, hold(server.address, 20) as held:
        assert len(held) == len(set(held.sockets)) == held.alive() == 20
        assert {type(sock) for sock in held.sockets} == {socket.socket}
        assert {sock.getpeername()[:2] for sock in held.sockets} == {server.address[:2]}
    assert {sock.fileno() for sock in held.sockets} == {-1}
    assert repr(held) == "<20 idle connections>"


def test_closed_ones_are_not_alive() -> None:
    def closes_three(listener: socket.socket, stop: Event) -> None:
        kept = [listener.accept()[0] for _ in range(8)]
        for connection in kept[:3]:
            connection.close()
        stop.wait()

    with serving(closes_three) as server, hold(server.address, 8) as held:
        give_up_at = time.monotonic() + 5
        while held.alive() > 5 and time.monotonic() < give_up_at:
            time.sleep(0.001)
        assert held.alive() == 5


@linux_only
def test_uses_many_source_addresses() -> None:
    with serving(child_servers.echo) as server, hold(server.address, 2100, server=server) as held:
        assert held.sources == ("127.0.0.2", "127.0.0.3")
        assert {sock.getsockname()[0] for sock in held.sockets} == set(held.sources)
        assert held.alive() == 2100


def test_ipv6_has_a_single_loopback_address() -> None:
    if not socket.has_ipv6:
        pytest.skip("this Python knows no IPv6")
    target = connecting.Endpoint("::1", 9)
    assert connecting.sources_for(target, 5000) == ()
    assert connecting.spread((), 2) == [None, None]


def test_the_kernel_chooses_a_single_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connecting, "_has_many", lambda: False)
    with serving(child_servers.echo) as server, hold(server.address, 3) as held:
        assert held.sources == ()
        assert held.alive() == 3


# What they cost


@linux_only
def test_measures_what_the_server_keeps() -> None:
    """The server keeps 4 KiB for each: the measured cost must be near, and far below 40 KiB."""
    with (
        serving(child_servers.hoards, nbytes=4096) as server,
        hold(server.address, 500, server=server) as held,
    ):
        assert held.cost is not None
        assert held.cost.process_bytes is not None
        assert 2048 < held.cost.process_bytes < 40_960
        assert held.cost.process_source == "PSS of the server's processes"
        assert held.cost.kernel_source.startswith("both ends: slab")


def test_measures_no_cost_without_server() -> None:
    with serving(child_servers.echo) as server, hold(server.address, 3) as held:
        assert held.cost is None


def test_cannot_measure_a_server_in_this_process() -> None:
    with (
        open_listener() as listener,
        background.run(child_servers.echo, listener) as _,
        hold(listener.getsockname(), 3, server=os.getpid()) as held,
    ):
        assert held.cost is not None
        assert held.cost.process_bytes is None
        assert held.cost.process_source == "not known: this process has both ends"


# Room for their descriptors


@posix_only
def test_raises_and_restores_the_soft_limit() -> None:
    soft, hard = limits()
    descriptors.set_soft_limit(120)
    try:
        with serving(child_servers.echo) as server, hold(server.address, 200) as held:
            assert held.alive() == 200
            assert limits()[0] > 200
        assert limits() == (120, hard)
    finally:
        descriptors.set_soft_limit(soft)


@posix_only
def test_explains_a_hard_limit_that_is_too_low(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "_limits", lambda pid: (1000, 1000))
    monkeypatch.setattr(descriptors, "_open_in", lambda pid: 36)
    assert how_many_fit() == 450
    assert how_many_fit(os.getpid()) == 450
    assert how_many_fit(1) == 900
    with (
        pytest.raises(TooFewDescriptors, match=r"451 connections have 902 ends, .* room for 450"),
        hold(("127.0.0.1", 9), 451),
    ):
        pass
    with (
        pytest.raises(TooFewDescriptors, match=r"901 connections need .* leave room for 900"),
        hold(("127.0.0.1", 9), 901, server=1),
    ):
        pass


@linux_only
def test_counts_the_limit_of_the_server() -> None:
    with serving(child_servers.echo, descriptors=100) as server:
        assert how_many_fit(server) < 100
        with pytest.raises(TooFewDescriptors), hold(server.address, 100, server=server):
            pass


def test_never_fits_more_than_the_bound() -> None:
    assert 0 <= how_many_fit() <= MOST_CONNECTIONS


# The way out


@posix_only
def test_an_interrupt_leaves_no_socket() -> None:
    def block(server: Served) -> None:
        with interrupted_after(0.03):
            while True:
                with hold(server.address, 300):
                    pass

    with serving(child_servers.echo) as server, pytest.raises(KeyboardInterrupt):
        block(server)


def test_explains_a_server_that_does_not_accept() -> None:
    """The kernel completes `backlog` connections and one more; the next waits."""
    with (
        open_listener(backlog=1) as listener,
        pytest.raises(TimeoutError, match="of 40 connections were made in time"),
        hold(listener.getsockname(), 40, deadline_s=0.3),
    ):
        pass
