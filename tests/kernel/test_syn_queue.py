"""What chapter 03 shows of the SYN queue, in a private network: half-open connections count
against the backlog, and SYN cookies replace them.

A half-open client acts as a forged sender address: it sends its SYN and discards the answer, as
IP_MINTTL requires a time to live that the SYN-ACK does not have. The listener keeps SYN_RECV.
"""

import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from sockets_lab.capabilities import has
from sockets_lab.netns import in_private_network

pytestmark = pytest.mark.skipif(not has("namespaces"), reason="needs a private network")

ATTACKERS = 20
IP_MINTTL = 21  # linux/in.h
SYN_RECV = "03"  # include/net/tcp_states.h, as /proc/net/tcp writes it


class AttackResult(NamedTuple):
    held: int
    counters: dict[str, int]
    served: bool


def half_open_client(address: tuple[str, int]) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 255)
    client.setblocking(False)
    client.connect_ex(address)
    return client


def half_open() -> int:
    rows = Path("/proc/net/tcp").read_text().splitlines()
    return sum(row.split()[3] == SYN_RECV for row in rows)


def counters() -> dict[str, int]:
    names, values = Path("/proc/net/netstat").read_text().splitlines()[:2]
    return dict(zip(names.split()[1:], map(int, values.split()[1:]), strict=True))


def can_connect(address: tuple[str, int]) -> bool:
    with socket.socket() as honest:
        honest.settimeout(0.3)
        return honest.connect_ex(address) == 0


def attack(cookies: int, backlog: int) -> AttackResult:
    Path("/proc/sys/net/ipv4/tcp_syncookies").write_text(str(cookies))
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as listener:
        clients = [half_open_client(listener.getsockname()) for _ in range(ATTACKERS)]
        held, counted = half_open(), counters()
        served = can_connect(listener.getsockname())
        for client in clients:
            client.close()
    return AttackResult(held, counted, served)


# Linux holds backlog + 1 since 6.13 (January 2025), backlog before.


@pytest.mark.parametrize("backlog", [1, 4, 8])
def test_without_cookies_the_syn_queue_fills(backlog: int) -> None:
    seen = in_private_network(attack, 0, backlog)
    assert seen.held in (backlog, backlog + 1)
    assert seen.counters["ListenDrops"] == ATTACKERS - seen.held
    assert seen.counters["TCPReqQFullDrop"] == ATTACKERS - seen.held
    assert seen.counters["SyncookiesSent"] == 0
    assert not seen.served


@pytest.mark.parametrize("backlog", [1, 4, 8])
def test_cookies_serve_clients_beyond_a_full_queue(backlog: int) -> None:
    seen = in_private_network(attack, 1, backlog)
    assert seen.held in (backlog, backlog + 1)
    assert seen.counters["ListenDrops"] == 0
    assert seen.counters["SyncookiesSent"] == ATTACKERS - seen.held
    assert seen.counters["TCPReqQFullDoCookies"] == ATTACKERS - seen.held
    assert seen.served


def test_cookies_always_hold_no_connection() -> None:
    seen = in_private_network(attack, 2, 4)
    assert (seen.held, seen.counters["SyncookiesSent"], seen.served) == (0, ATTACKERS, True)
