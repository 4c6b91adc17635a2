"""Parse recorded tables of the kernel, and run the netlink filter in it."""

import socket
import struct
import sys

import pytest

from sockets_lab.addresses import Endpoint
from sockets_lab.kernel.records import payload
from sockets_lab.kernel.tables import netlink, procfs, psutil_table
from tests.kernel.support import on_linux

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="recorded on little-endian")

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
def test_parses_proc_net_tcp():
    listening, waiting, ended, connecting, half_closed = map(procfs.parse, TCP)
    assert listening[:5] == ("LISTEN", LISTENER, None, True, 13901)
    assert (listening.queue, listening.queue_limit) == (1, None)
    assert waiting == ("ESTABLISHED", LISTENER, CLIENT, False, 0, 5, 3, None, None)
    assert ended[0], ended[3] == ("TIME_WAIT", False)
    assert (connecting.state, connecting.held, connecting.unsent) == ("SYN_SENT", True, 0)
    assert (half_closed.state, half_closed.unread) == ("CLOSE_WAIT", 3)


@little_endian
def test_parses_proc_net_tcp6():
    row = procfs.parse(TCP6)
    assert (row.local, row.peer) == (Endpoint("::1", 8080), Endpoint("::ffff:127.0.0.1", 54321))


@little_endian
def test_a_row_that_proc_prints_twice_counts_once(tmp_path, monkeypatch):
    table = tmp_path / "tcp"
    table.write_text("\n".join(["  sl  local_address ...", *TCP, TCP[1], TCP[4]]))
    monkeypatch.setattr(procfs, "_TABLES", (table,))
    assert procfs.rows([0x8CCB]) == [procfs.parse(line) for line in TCP]


# Recorded messages of sock_diag


def message(family, state, ports, hosts, received, sent, inode):
    return (
        struct.pack("=BBBB", family, state, 0, 0)
        + struct.pack(">HH", *ports)
        + b"".join(socket.inet_pton(family, host).ljust(16, b"\0") for host in hosts)
        + bytes(4 + 8 + 4)
        + struct.pack("=IIII", received, sent, 0, inode)
    )


def test_parses_a_message_about_a_listener():
    row = netlink.parse(message(socket.AF_INET6, 10, (80, 0), ("::1", "::"), 1, 2, 9))
    assert row == ("LISTEN", Endpoint("::1", 80), None, True, 9, None, None, 1, 2)


def test_parses_a_message_about_a_connection():
    hosts = ("127.0.0.1", "127.0.0.2")
    row = netlink.parse(message(socket.AF_INET, 1, (80, 5000), hosts, 5, 7, 0))
    ends = Endpoint("127.0.0.1", 80), Endpoint("127.0.0.2", 5000)
    assert row == ("ESTABLISHED", *ends, False, 0, 5, 7, None, None)


@on_linux
@pytest.mark.parametrize("number", [1, 2, 5, 64, 65])
def test_filter_passes_rows_with_a_wanted_port(number, family):
    """The kernel runs it, with our listener's port first, in the middle or last among others."""
    with socket.create_server((family.host, 0), family=family.family) as listener:
        port = listener.getsockname()[1]
        for at in {0, number // 2, number - 1}:
            ports = [each for each in range(1, 1000) if each != port][: number - 1]
            ports.insert(at, port)
            assert port in {row.local.port for row in netlink.rows(ports)}
        assert netlink.rows([1]) == []


@on_linux
def test_raises_the_errno_of_the_kernels_answer(monkeypatch):
    """The kernel answers a request that it cannot parse with EINVAL, which is raised."""
    program = netlink.filter_program([80])
    monkeypatch.setattr(netlink, "filter_program", lambda ports: program[:-4])
    with pytest.raises(OSError, match="Invalid argument"):
        netlink.rows([80])


def test_converts_psutil_records():
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
def test_payload_excludes_syn_and_fin(state, counted, expected):
    assert payload(state, *counted) == expected
