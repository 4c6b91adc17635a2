"""The race of RFC 8305: which attempt wins, when the next begins, and that losers are closed."""

import asyncio
import errno
import gc
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from sockets_lab import ipv6_works, open_listener
from sockets_lab.addresses import Resolved, family_of, resolve
from sockets_lab.capabilities import has
from sockets_lab.happy_eyeballs import Race, connect, interleaved, race
from sockets_lab.listeners import open_listeners
from sockets_lab.netns import private_network

needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="this machine cannot bind an IPv6 address")
needs_linux = pytest.mark.skipif(
    not has("linux"), reason="a full accept queue stays silent on Linux"
)
HANG_S = 20
HOSTS = {"IPv4": "127.0.0.1", "IPv6": "::1"}


def answer(host: str, port: int) -> Resolved:
    name = (host, port) if family_of(host) == socket.AF_INET else (host, port, 0, 0)
    return Resolved(family_of(host), socket.SOCK_STREAM, socket.IPPROTO_TCP, name)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, HANG_S))


def raced(addresses, **options) -> Race:
    """Race, and close the winner; nothing else may be open afterwards."""
    result = run(race(addresses, **options))
    if result.winner is not None:
        result.winner.close()
    gc.collect()  # a loser that was left open would be a ResourceWarning here
    return result


def outcomes(result: Race) -> list[tuple[str, str]]:
    return [(each.endpoint.host, each.outcome) for each in result.attempts]


@contextmanager
def silent(host: str, port: int) -> Iterator[None]:
    """Listen with a full queue: a further SYN is dropped without a reply."""
    with (
        open_listener(host, port, backlog=0) as full,
        socket.create_connection(full.getsockname()[:2], timeout=5),
    ):
        yield


def test_interleaves_families():
    v6 = [answer(f"2001:db8::{number}", 80) for number in range(1, 4)]
    v4 = [answer("192.0.2.1", 80)]
    assert interleaved([*v6, *v4]) == [v6[0], *v4, *v6[1:]]
    assert interleaved([*v4, *v6]) == [*v4, *v6]
    assert interleaved([]) == []


def test_the_first_address_that_answers_wins(family):
    with open_listener(family.host) as listener:
        addresses = resolve(*listener.getsockname()[:2])
        result = raced(addresses)
    assert outcomes(result) == [(family.host, "connected")]


@needs_ipv6
@pytest.mark.parametrize("first", ["IPv4", "IPv6"])
def test_a_refusal_begins_the_next_attempt(first):
    second = {"IPv4": "IPv6", "IPv6": "IPv4"}[first]
    with open_listener(HOSTS[second]) as listener:
        port = listener.getsockname()[1]
        result = raced([answer(HOSTS[first], port), answer(HOSTS[second], port)], delay_s=HANG_S)
    assert outcomes(result) == [(HOSTS[first], "ECONNREFUSED"), (HOSTS[second], "connected")]
    assert result.family == second


@needs_ipv6
@needs_linux
@pytest.mark.parametrize("first", ["IPv4", "IPv6"])
def test_begins_the_next_after_the_delay(first):
    second = {"IPv4": "IPv6", "IPv6": "IPv4"}[first]
    with open_listener(HOSTS[second]) as listener:
        port = listener.getsockname()[1]
        with silent(HOSTS[first], port):
            addresses = [answer(HOSTS[first], port), answer(HOSTS[second], port)]
            result = raced(addresses, delay_s=0.05)
    assert outcomes(result) == [(HOSTS[first], "given up"), (HOSTS[second], "connected")]
    assert result.attempts[1].began_s >= 0.05
    assert result.attempts[0].ended_s >= result.attempts[1].ended_s


def test_no_answer_means_no_winner(family):
    with open_listener(family.host) as listener:
        address = resolve(*listener.getsockname()[:2])
    result = raced([*address, *address])
    assert [each.outcome for each in result.attempts] == ["ECONNREFUSED"] * 2
    assert (result.winner, result.family) == (None, "none")


def test_a_missing_family_fails_as_an_attempt(family):
    def without(wanted: int, kind: int) -> socket.socket:
        if wanted == family.family:
            return socket.socket(wanted, kind)
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    other = "2001:db8::1" if family.family == socket.AF_INET else "192.0.2.1"
    with open_listener(family.host) as listener:
        port = listener.getsockname()[1]
        result = raced([answer(other, port), answer(family.host, port)], new_socket=without)
    assert outcomes(result) == [(other, "EAFNOSUPPORT"), (family.host, "connected")]


@needs_linux
def test_a_cancelled_race_leaves_no_socket(family):
    made: list[socket.socket] = []

    def kept(wanted: int, kind: int) -> socket.socket:
        made.append(socket.socket(wanted, kind))
        return made[-1]

    async def cancelled(port: int) -> None:
        addresses = [answer(family.host, port)] * 2
        task = asyncio.create_task(race(addresses, delay_s=0.01, new_socket=kept))
        while len(made) < 2:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with open_listener(family.host) as listener:
        port = listener.getsockname()[1]
    with silent(family.host, port):
        run(cancelled(port))
    assert [sock.fileno() for sock in made] == [-1, -1]


def test_refuses_an_empty_list():
    with pytest.raises(ValueError, match="no address"):
        run(race([]))


def test_connect_resolves_a_name(family):
    with open_listener(family.host) as listener:
        result = run(connect(*listener.getsockname()[:2]))
        assert result.winner.getpeername() == listener.getsockname()
        result.winner.close()


@needs_ipv6
@needs_linux
@pytest.mark.parametrize("ipv6", ["answers", "refuses", "is silent"])
def test_agrees_with_asyncio(monkeypatch, ipv6):
    """`create_connection(happy_eyeballs_delay=...)` is CPython's implementation of RFC 8305."""

    async def by_asyncio(port: int) -> str:
        loop = asyncio.get_running_loop()

        async def both(*args, **kwargs):
            found = [answer("::1", port), answer("127.0.0.1", port)]
            return [(each.family, each.kind, each.protocol, "", each.sockaddr) for each in found]

        monkeypatch.setattr(loop, "getaddrinfo", both)
        transport, _ = await loop.create_connection(
            asyncio.Protocol, "both.example", port, happy_eyeballs_delay=0.05
        )
        try:
            return transport.get_extra_info("peername")[0]
        finally:
            transport.close()
            await asyncio.sleep(0)

    with ExitStack() as stack:
        first, *others = open_listeners()
        stack.enter_context(first)
        port = first.getsockname()[1]
        others[0].close()
        if ipv6 == "answers":
            stack.enter_context(open_listener("::1", port))
        elif ipv6 == "is silent":
            stack.enter_context(silent("::1", port))
        ours = raced([answer("::1", port), answer("127.0.0.1", port)], delay_s=0.05)
        assert ours.attempts[-1].endpoint.host == run(by_asyncio(port))


@pytest.mark.skipif(not has("nftables"), reason="this machine has no nftables")
def test_wins_past_a_firewall_on_one_family():
    with private_network() as network:
        server, client = network.host("server"), network.host("client")
        server.firewall(
            "table ip6 filter {\n chain input {\n  type filter hook input priority 0\n"
            "  tcp dport 80 drop\n }\n}"
        )
        with server.socket(socket.AF_INET) as listener:
            listener.bind((server.ipv4, 80))
            listener.listen()
            addresses = [answer(server.ipv6, 80), answer(server.ipv4, 80)]
            result = raced(addresses, delay_s=0.05, new_socket=client.socket)
    assert outcomes(result) == [(server.ipv6, "given up"), (server.ipv4, "connected")]
