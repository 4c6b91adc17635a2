"""The kernel's single answers: parsers on recorded text, queues, options, counters, snapshots."""

import os
import socket
import struct
import sys
from contextlib import closing

import pytest

from sockets_lab.addresses import Endpoint
from sockets_lab.capabilities import SWITCH, Unavailable, has
from sockets_lab.kernel import (
    AcceptQueue,
    Counters,
    Snapshot,
    SocketView,
    accept_queue,
    counters,
    look,
    options,
    state_of,
    unread,
    unsent,
)
from sockets_lab.kernel.counters import parse as parse_counters
from sockets_lab.kernel.records import payload
from sockets_lab.kernel.tables import netlink, procfs, psutil_table

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="shows what only Linux tells")
little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="recorded on little-endian")


@pytest.fixture
def scene(family):
    """A listener with room for 3, two clients of it, and the connection of the first."""
    with (
        socket.create_server((family.host, 0), family=family.family, backlog=3) as listener,
        socket.create_connection(listener.getsockname()[:2], timeout=5) as client,
        socket.create_connection(listener.getsockname()[:2], timeout=5) as waiting,
    ):
        listener.settimeout(5)
        connection, _ = listener.accept()
        with connection:
            yield listener, client, connection, waiting


# Recorded text of /proc/net/tcp and /proc/net/tcp6

TCP = """\
   1: 0100007F:8CCB 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 13901 2 0
   2: 0100007F:8CCB 0100007F:8254 01 00000003:00000005 00:00000000 00000000     0        0 0 1 0
   3: 0100007F:824C 0100007F:8CCB 06 00000000:00000000 03:000015C4 00000000     0        0 0 3 0
   4: 0100007F:8254 0100007F:8CCB 02 00000001:00000000 01:00000064 00000000  1000        0 77 2 0
   5: 0100007F:8CCB 0100007F:8256 08 00000000:00000004 00:00000000 00000000     0        0 0 1 0
""".splitlines()
TCP6 = (
    "   0: 00000000000000000000000001000000:1F90 0000000000000000FFFF00000100007F:D431 01"
    " 00000000:00000000 00:00000000 00000000     0        0 42 1 0 20 4 0 10 -1"
)
LISTENER, CLIENT = Endpoint("127.0.0.1", 0x8CCB), Endpoint("127.0.0.1", 0x8254)


@little_endian
def test_lines_of_proc_net_tcp_are_read():
    listening, waiting, ended, connecting, half_closed = map(procfs.parse, TCP)
    assert listening[:5] == ("LISTEN", LISTENER, None, True, 13901)
    assert (listening.queue, listening.queue_limit) == (1, None)
    assert waiting == ("ESTABLISHED", LISTENER, CLIENT, False, 0, 5, 3, None, None)
    assert ended[0], ended[3] == ("TIME_WAIT", False)
    assert (connecting.state, connecting.held, connecting.unsent) == ("SYN_SENT", True, 0)
    assert (half_closed.state, half_closed.unread) == ("CLOSE_WAIT", 3)


@little_endian
def test_lines_of_proc_net_tcp6_are_read():
    row = procfs.parse(TCP6)
    assert (row.local, row.peer) == (Endpoint("::1", 8080), Endpoint("::ffff:127.0.0.1", 54321))


# Recorded messages of sock_diag


def message(family, state, ports, hosts, received, sent, inode):
    return (
        struct.pack("=BBBB", family, state, 0, 0)
        + struct.pack(">HH", *ports)
        + b"".join(socket.inet_pton(family, host).ljust(16, b"\0") for host in hosts)
        + bytes(4 + 8 + 4)
        + struct.pack("=IIII", received, sent, 0, inode)
    )


def test_a_message_about_a_listener_holds_its_queue():
    row = netlink.parse(message(socket.AF_INET6, 10, (80, 0), ("::1", "::"), 1, 2, 9))
    assert row == ("LISTEN", Endpoint("::1", 80), None, True, 9, None, None, 1, 2)


def test_a_message_about_a_connection_holds_its_bytes():
    hosts = ("127.0.0.1", "127.0.0.2")
    row = netlink.parse(message(socket.AF_INET, 1, (80, 5000), hosts, 5, 7, 0))
    ends = Endpoint("127.0.0.1", 80), Endpoint("127.0.0.2", 5000)
    assert row == ("ESTABLISHED", *ends, False, 0, 5, 7, None, None)


@on_linux
@pytest.mark.parametrize("number", [1, 2, 5, 64, 65])
def test_the_filter_lets_through_what_has_one_of_the_ports(number, family):
    """Run in the kernel, with our listener's port first, in the middle or last among others."""
    with socket.create_server((family.host, 0), family=family.family) as listener:
        port = listener.getsockname()[1]
        for at in {0, number // 2, number - 1}:
            ports = [each for each in range(1, 1000) if each != port][: number - 1]
            ports.insert(at, port)
            assert port in {row.local.port for row in netlink.rows(ports)}
        assert netlink.rows([1]) == []


@on_linux
def test_the_kernel_refuses_by_errno(monkeypatch):
    """A question that the kernel cannot read is answered with EINVAL, and raised as such."""
    program = netlink.filter_program([80])
    monkeypatch.setattr(netlink, "filter_program", lambda ports: program[:-4])
    with pytest.raises(OSError, match="Invalid argument"):
        netlink.rows([80])


def test_records_of_psutil_are_read():
    from psutil._ntuples import addr, sconn

    ends = addr("127.0.0.1", 80), addr("127.0.0.1", 5000)
    kinds = socket.AF_INET, socket.SOCK_STREAM
    held = psutil_table.parse(sconn(7, *kinds, *ends, "FIN_WAIT1", 1))
    unknown = psutil_table.parse(sconn(-1, *kinds, *ends, "ESTABLISHED", None))
    ended = psutil_table.parse(sconn(-1, *kinds, *ends, "TIME_WAIT", None))
    assert held[:4] == ("FIN_WAIT_1", Endpoint("127.0.0.1", 80), Endpoint("127.0.0.1", 5000), True)
    assert (unknown.held, ended.held) == (None, False)


@pytest.mark.parametrize(
    ("state", "counted", "expected"),
    [
        ("ESTABLISHED", (5, 7), (5, 7)),
        ("SYN_SENT", (0, 1), (0, 0)),
        ("FIN_WAIT_1", (5, 8), (5, 7)),
        ("CLOSE_WAIT", (6, 7), (5, 7)),
        ("LAST_ACK", (1, 1), (0, 0)),
        ("CLOSE_WAIT", (0, 0), (0, 0)),
    ],
)
def test_syn_and_fin_are_no_bytes(state, counted, expected):
    assert payload(state, *counted) == expected


# One question about one socket


def test_states(scene):
    listener, client, connection, _ = scene
    assert state_of(listener) == "LISTEN"
    assert state_of(client) == state_of(connection) == "ESTABLISHED"
    client.close()
    assert state_of(connection) == "CLOSE_WAIT"


@on_linux
@pytest.mark.parametrize("off", ["", "tcp-info"])
def test_the_accept_queue_now_and_its_limit(scene, monkeypatch, off):
    monkeypatch.setenv(SWITCH, off)
    listener, *_ = scene
    assert accept_queue(listener) == AcceptQueue(now=1, limit=3)
    listener.accept()[0].close()
    assert accept_queue(listener) == (0, 3)


@on_linux
def test_the_queues_limit_is_cut_to_somaxconn(family):
    with open("/proc/sys/net/core/somaxconn") as file:
        somaxconn = int(file.read())
    with socket.create_server((family.host, 0), family=family.family, backlog=10**6) as listener:
        assert accept_queue(listener).limit == somaxconn


def test_where_no_queue_is_told_that_is_said(scene, monkeypatch):
    monkeypatch.setenv(SWITCH, "linux")
    with pytest.raises(Unavailable, match="accept queue and its limit cannot be seen here"):
        accept_queue(scene[0])
    with pytest.raises(Unavailable, match="bytes unsent cannot be seen here"):
        unsent(scene[1])


def test_where_no_bytes_are_counted_that_is_said(scene, monkeypatch):
    """As on Windows, which has no termios."""
    monkeypatch.setenv(SWITCH, "linux")
    monkeypatch.setitem(sys.modules, "termios", None)
    with pytest.raises(Unavailable, match="receive them instead"):
        unread(scene[1])
    assert look(scene[1])[0].unread is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count them")
def test_bytes_unread(scene):
    _, client, connection, _ = scene
    client.sendall(b"hello")
    assert unread(connection) == 5
    connection.recv(2)
    assert unread(connection) == 3
    client.shutdown(socket.SHUT_WR)
    assert unread(connection) == 3


@on_linux
def test_bytes_unsent_are_those_that_the_other_end_has_no_room_for(scene):
    _, client, connection, _ = scene
    client.setblocking(False)
    sent = fill(client)
    assert unread(connection) + unsent(client) >= sent
    assert unsent(client) > 0


def fill(client):
    """Send until the kernel takes no more; return how many bytes it took."""
    sent = 0
    while True:
        try:
            sent += client.send(bytes(1 << 16))
        except BlockingIOError:
            return sent


def test_a_listener_is_asked_for(scene):
    with pytest.raises(ValueError, match="does not listen: call listen"):
        accept_queue(scene[1])


@pytest.mark.parametrize("question", [accept_queue, unread, options])
def test_a_closed_socket_answers_with_ebadf(question, family):
    sock = socket.socket(family.family)
    sock.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        question(sock)


@pytest.mark.parametrize("question", [accept_queue, unread, unsent, options, state_of])
def test_what_is_no_socket_is_refused(question):
    with pytest.raises(TypeError, match="expected a socket"):
        question(5)


def test_udp_acknowledges_nothing(family):
    with (
        socket.socket(family.family, socket.SOCK_DGRAM) as sock,
        pytest.raises(ValueError, match="is a UDP socket"),
    ):
        unsent(sock)


# Options


def test_common_options_are_named_by_their_constants(scene):
    listener, client, *_ = scene
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found = options(client)
    assert found["SO_TYPE"] == socket.SOCK_STREAM
    assert (found["TCP_NODELAY"], found["SO_ACCEPTCONN"]) == (True, False)
    assert found["SO_LINGER"] is False
    assert found["SO_RCVBUF"] > 0
    assert options(listener)["SO_ACCEPTCONN"] is True
    assert ("IPV6_V6ONLY" in found) == (client.family == socket.AF_INET6)
    assert "SO_ERROR" not in found


def test_linger_is_the_seconds_that_close_waits(scene):
    scene[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3))
    assert options(scene[1], "SO_LINGER") == {"SO_LINGER": 3}


def test_options_are_read_in_the_order_asked(scene):
    asked = ("TCP_MAXSEG", "SO_ERROR", "SO_REUSEADDR")
    assert tuple(options(scene[1], *asked)) == asked


def test_a_datagram_socket_has_no_tcp_options(family):
    with socket.socket(family.family, socket.SOCK_DGRAM) as sock:
        assert not any(name.startswith("TCP") for name in options(sock))
        assert "SO_ACCEPTCONN" not in options(sock)


@pytest.mark.parametrize("name", ["SO_NOTHING", "AF_INET", "reuse", "SOMAXCONN", ""])
def test_what_is_no_option_is_refused_in_words(scene, name):
    with pytest.raises(ValueError, match="no socket option of this platform"):
        options(scene[1], name)


# Counters

NETSTAT = """\
TcpExt: SyncookiesSent ListenOverflows ListenDrops
TcpExt: 0 7 -1
IpExt: InNoRoutes
IpExt: 2
"""


def test_groups_of_counters_are_read():
    expected = {"SyncookiesSent": 0, "ListenOverflows": 7, "ListenDrops": -1, "IpExtInNoRoutes": 2}
    assert parse_counters(NETSTAT) == expected


def test_the_difference_is_what_happened_between():
    before, after = Counters({"a": 1, "b": 2}), Counters({"a": 1, "b": 5})
    assert dict(after - before) == {"a": 0, "b": 3}
    assert dict((after - before).moved) == {"b": 3}
    assert str(after - before) == "a  0\nb  3"


@on_linux
def test_an_overflow_is_counted(family):
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
def test_all_counters_come_without_names():
    assert {"ListenOverflows", "SyncookiesSent", "ActiveOpens", "IpInReceives"} <= set(counters())


@on_linux
def test_an_unknown_counter_is_answered_with_near_ones():
    with pytest.raises(KeyError, match=r"'ListenOverflow'.*did you mean ListenOverflows"):
        counters("ListenOverflow")
    with pytest.raises(KeyError, match="no counter is called 'ListenDrops'"):
        counters("ListenOverflows")["ListenDrops"]


def test_without_counters_that_is_said(monkeypatch):
    monkeypatch.setenv(SWITCH, "counters")
    with pytest.raises(Unavailable, match="counters cannot be seen here: switched off"):
        counters("ListenOverflows")


# Snapshots


def view(role, state, **known):
    return SocketView(role, "stream", state, None, None, **known)


SNAPSHOT = Snapshot(
    [
        view("listener", "LISTEN", queue=1, queue_limit=2),
        view("client 1", "ESTABLISHED", unread=0, unsent=9),
        view("connection 1", "ESTABLISHED", has_descriptor=False, unread=5),
        view("client 2", "TIME_WAIT", has_descriptor=False),
        view("connection 2", "CLOSE_WAIT", has_descriptor=None, unread=1),
    ],
    ["bytes & <all>"],
)


def test_the_text_is_a_small_table_in_roles():
    assert str(SNAPSHOT) == repr(SNAPSHOT)
    assert str(SNAPSHOT).splitlines() == [
        "listener      LISTEN       accept queue 1 of 2",
        "client 1      ESTABLISHED",
        "connection 1  ESTABLISHED  not accepted yet, 5 bytes unread",
        "client 2      TIME_WAIT    no descriptor any more",
        "connection 2  CLOSE_WAIT   1 byte unread",
        "not to be seen here: bytes & <all>",
    ]


def test_the_html_is_a_table_with_caption_and_headings():
    html = SNAPSHOT._repr_html_()
    assert "<caption>" in html
    assert html.count('scope="row"') == 5
    assert html.count('scope="col"') == 3
    assert "bytes &amp; &lt;all&gt;" in html


def test_the_text_holds_no_port(scene):
    listener, client, *_ = scene
    snapshot = look(*scene)
    for sock in (listener, client):
        assert str(sock.getsockname()[1]) not in str(snapshot) + snapshot._repr_html_()


def test_a_snapshot_is_read_by_role_and_by_place():
    assert SNAPSHOT["client 2"] is SNAPSHOT[3]
    assert "client 2" in SNAPSHOT
    assert "client 3" not in SNAPSHOT
    assert (SNAPSHOT.state("client 2"), SNAPSHOT.state("client 3")) == ("TIME_WAIT", None)
    assert tuple(SNAPSHOT) == SNAPSHOT.views
    assert Snapshot(SNAPSHOT.views, SNAPSHOT.unseen) == SNAPSHOT
    with pytest.raises(KeyError, match=r"nobody here is called 'client 3'.*client 2"):
        SNAPSHOT["client 3"]


@pytest.mark.skipif(not has("ipv6"), reason="needs IPv6")
def test_a_view_holds_endpoints_as_the_kernel_writes_them():
    with closing(socket.create_server(("::1", 0), family=socket.AF_INET6)) as listener:
        assert look(listener)[0].local == Endpoint("::1", listener.getsockname()[1])


@on_linux
def test_looking_leaves_no_descriptor_open(scene):
    look(*scene)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        look(*scene)
    assert len(os.listdir("/proc/self/fd")) == before
