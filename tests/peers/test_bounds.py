"""Bounds of peers: time, bytes and targets; their table, their words, and the small moves."""

import errno
import gc
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from sockets_lab import open_listener, peers, record
from sockets_lab.capabilities import has
from sockets_lab.netns import in_private_network
from sockets_lab.peers import PEERS, Peer, PeerResult
from sockets_lab.peers.connection import converse
from tests.conftest import Family
from tests.support import sample_servers
from tests.support.interrupting import (
    interrupted_after,
    interrupted_at_instruction,
    interrupted_once_waiting,
)
from tests.support.sample_servers import REPLY, REQUEST, no_listener, serving

SHORT_S, LONG_S, SLACK_S = 0.2, 20.0, 2.0
OUR_FILES = {"sockets_lab.peers.connection", "sockets_lab.interrupts.guard"}
NAMES = [peer.name for peer in PEERS]

on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such timer")
each_peer = pytest.mark.parametrize("peer", PEERS, ids=NAMES)


# Time, interrupts and calls


@each_peer
def test_an_idle_server_holds_it_to_its_deadline(peer: Peer, family: Family) -> None:
    with serving(sample_servers.never_reads, family) as address:
        began = time.monotonic()
        result = peer(address, REQUEST, REPLY, deadline_s=SHORT_S)
        took_s = time.monotonic() - began
    assert took_s < SHORT_S + SLACK_S
    assert result.sent <= 1 << 24
    assert result.outcome == ("reset" if peer.function is peers.aborts else "timed out")


@on_posix
@each_peer
def test_an_interrupt_ends_it_immediately(peer: Peer, family: Family) -> None:
    began = time.monotonic()
    with (
        open_listener(family.host) as listener,
        pytest.raises(KeyboardInterrupt),
        interrupted_once_waiting(converse),
    ):
        run_for_ever(peer, listener.getsockname())
    assert time.monotonic() - began < SLACK_S


@on_posix
def test_interrupts_at_any_moment_leave_nothing(family: Family) -> None:
    dice = random.Random(4)
    for _ in range(200):
        with (
            no_listener(family) as address,
            pytest.raises(KeyboardInterrupt),
            interrupted_after(dice.uniform(1e-5, 0.002)),
        ):
            run_for_ever(PEERS[0], address)


def test_an_interrupt_anywhere_leaves_no_socket(family: Family) -> None:
    with no_listener(family) as address:
        number = 0
        # In converse() the block begins and ends: no instruction of it is left where Python looks.
        while interrupted_at_instruction(
            number, lambda: peers.well_behaved(address, REQUEST), OUR_FILES, without=("converse",)
        ):
            number += 1
    gc.collect()  # warns of every socket that is still open
    assert number > 100


def run_for_ever(peer: Peer, address: Sequence[object]) -> None:
    while True:
        peer(address, REQUEST, REPLY, deadline_s=60)


def test_a_recording_has_every_call(family: Family) -> None:
    with record() as recording, serving(sample_servers.echo, family) as address:
        peers.well_behaved(address, b"hello", b"hello", deadline_s=LONG_S)
    assert [str(call) for call in recording if call.role == "client 1"] == [
        f"client 1: socket({family.family.name}, SOCK_STREAM)",
        "client 1: settimeout(20.0)",
        "client 1: connect(the listener's address)",
        "client 1: setblocking(False)",
        "client 1: send(b'hello') -> 5 bytes",
        "client 1: recv(65536) -> 5 bytes",
        "client 1: shutdown(SHUT_WR)",
        "client 1: recv(65536) -> 0 bytes, the end",
        "client 1: close()",
    ]


# Targets


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        pytest.fail("a socket was made")

    monkeypatch.setattr(socket, "socket", refuse)


@each_peer
@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0"])
def test_other_machines_are_refused(peer: Peer, host: str, no_sockets: None) -> None:
    with pytest.raises(ValueError, match=f"'{host}' may be another machine"):
        peer((host, 80), REQUEST)


@pytest.mark.parametrize("address", [("2001:db8::1", 80, 0, 0), ("::", 80, 0, 0)])
def test_other_machines_are_refused_over_ipv6(address, no_sockets: None) -> None:
    with pytest.raises(ValueError, match="may be another machine"):
        peers.floods(address, REQUEST)


def test_a_name_is_no_address(no_sockets: None) -> None:
    with pytest.raises(ValueError, match="'localhost' is not a numeric address"):
        peers.well_behaved(("localhost", 80), REQUEST)


@pytest.mark.parametrize("deadline_s", [0, -1, float("inf"), float("nan"), 1e9])
def test_an_impossible_deadline_is_refused(deadline_s: float, no_sockets: None) -> None:
    with pytest.raises(ValueError, match="give seconds"):
        peers.well_behaved(("127.0.0.1", 80), REQUEST, deadline_s=deadline_s)


@pytest.mark.skipif(not has("namespaces"), reason="this machine makes no private network")
def test_in_a_private_network_any_host_is_allowed() -> None:
    def greet(host: str) -> str:
        import fcntl
        import struct

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:  # SIOCSIFADDR
            name, number = b"lo:1", socket.inet_aton(host)
            asked = struct.pack("16sH2x4s8x", name, socket.AF_INET, number)
            fcntl.ioctl(any_socket, 0x8916, asked)
        with open_listener(host, expose=True) as listener:
            listener.settimeout(5)
            return str(peers.half_a_message(listener.getsockname(), b"hello", deadline_s=0.1))

    assert in_private_network(greet, "192.0.2.1") == "half a message: timed out"


def test_no_posix_module_is_needed() -> None:
    code = "import sys; sys.modules['fcntl'] = None; from sockets_lab import peers; print(peers)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


# The table, and the words


def test_the_table_holds_every_peer_once() -> None:
    functions = [peer.function for peer in PEERS]
    assert functions == [getattr(peers, name.replace(" ", "_")) for name in NAMES]
    assert len({(peer.does, peer.good_server) for peer in PEERS}) == len(PEERS)


def test_a_line_of_the_table() -> None:
    assert str(PEERS[3]) == repr(PEERS[3])
    assert str(PEERS[3]) == (
        "half a message: sends half of a request, and says nothing more; a good server waits for "
        "the rest, but not for ever, and then closes"
    )


def test_results_have_fixed_words() -> None:
    assert (
        repr(PeerResult("well behaved", "replied", 5, b"HELLO")) == "well behaved: replied, 5 bytes"
    )
    assert str(PeerResult("well behaved", "torn", 5, b"H")) == "well behaved: torn, 1 byte"
    assert str(PeerResult("well behaved", "refused", 0, b"")) == "well behaved: refused"
    assert (
        str(PeerResult("floods", "torn", 9, bytes(70_000))) == "floods: torn, more than 1024 bytes"
    )
    assert str(PeerResult("floods", "replied", 9, bytes(70_000))) == "floods: replied, 70000 bytes"


# The small moves


def test_a_reset_reaches_the_other_end(family: Family) -> None:
    with (
        open_listener(family.host) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
    ):
        peers.reset(listener.accept()[0])
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        peers.send(client, b"the server is gone")
        peers.finish(client)
        assert client.fileno() != -1


def test_finish_leaves_reading_open(family: Family) -> None:
    with (
        open_listener(family.host) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
        listener.accept()[0] as connection,
    ):
        peers.finish(client)
        assert connection.recv(1) == b""
        peers.send(connection, b"still")
        assert client.recv(5) == b"still"


@pytest.mark.parametrize("move", [peers.finish, peers.reset, lambda sock: peers.send(sock, b"x")])
def test_a_closed_socket_is_an_error(move) -> None:
    sock = socket.socket()
    sock.close()
    with pytest.raises(OSError, match="descriptor") as caught:
        move(sock)
    assert caught.value.errno == errno.EBADF
