"""Read the kernel's counters and their differences."""

import socket

import pytest

from sockets_lab.capabilities import SWITCH, Unavailable
from sockets_lab.kernel import Counters, counters
from sockets_lab.kernel.counters import parse as parse_counters
from tests.kernel.support import on_linux

NETSTAT = """\
TcpExt: SyncookiesSent ListenOverflows ListenDrops
TcpExt: 0 7 -1
IpExt: InNoRoutes
IpExt: 2
"""


def test_parses_groups_of_counters():
    expected = {"SyncookiesSent": 0, "ListenOverflows": 7, "ListenDrops": -1, "IpExtInNoRoutes": 2}
    assert parse_counters(NETSTAT) == expected


def test_difference_of_counters():
    before, after = Counters({"a": 1, "b": 2}), Counters({"a": 1, "b": 5})
    assert dict(after - before) == {"a": 0, "b": 3}
    assert dict((after - before).moved) == {"b": 3}
    assert str(after - before) == "a  0\nb  3"


@on_linux
def test_counts_an_overflow(family):
    before = counters("ListenOverflows", "TcpExtListenDrops", "UdpNoPorts")
    assert list(before) == ["ListenOverflows", "TcpExtListenDrops", "UdpNoPorts"]
    with (
        socket.create_server((family.host, 0), family=family.family, backlog=0) as listener,
        socket.create_connection(listener.getsockname()[:2], timeout=5),
        socket.socket(family.family) as late,
    ):
        late.setblocking(False)
        late.connect_ex(listener.getsockname())
    moved = counters("ListenOverflows", "TcpExtListenDrops", "UdpNoPorts") - before
    assert moved["ListenOverflows"] >= 1
    assert moved["TcpExtListenDrops"] >= 1


@on_linux
def test_all_counters_without_names():
    assert {"ListenOverflows", "SyncookiesSent", "ActiveOpens", "IpInReceives"} <= set(counters())


@on_linux
def test_unknown_counter_suggests_similar_names():
    with pytest.raises(KeyError, match=r"'ListenOverflow'.*did you mean ListenOverflows"):
        counters("ListenOverflow")
    with pytest.raises(KeyError, match="no counter is called 'ListenDrops'"):
        counters("ListenOverflows")["ListenDrops"]


def test_unavailable_without_counters(monkeypatch):
    monkeypatch.setenv(SWITCH, "counters")
    with pytest.raises(Unavailable, match="counters cannot be seen here: switched off"):
        counters("ListenOverflows")
