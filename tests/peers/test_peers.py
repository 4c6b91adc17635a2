"""Every peer against servers that behave well and badly."""

import errno
import selectors
import socket
import sys
import time

import pytest

from sockets_lab import open_listener, peers, record
from sockets_lab.peers import PEERS, Peer, PeerResult
from sockets_lab.peers import connection as peer_connection
from tests.conftest import Family
from tests.support import sample_servers as servers
from tests.support.sample_servers import REPLY, REQUEST, Handler, no_listener, serving

SHORT_S, LONG_S = 0.2, 20.0  # for what must time out, and for what must not
ENOUGH_S = 1.0  # for a few bytes, where the deadline itself must pass too
NAMES = [peer.name for peer in PEERS]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="how many a queue admits differs")
each_peer = pytest.mark.parametrize("peer", PEERS, ids=NAMES)


# Outcomes

ROWS = {  # in the order of PEERS: well_behaved, byte by byte, glued, half, half closes, aborts, ...
    servers.framed: "replied replied replied closed replied reset reset closed closed replied",
    servers.echo: "replied replied replied timeout replied reset timeout timeout torn replied",
    servers.mute: "timeout timeout timeout timeout timeout reset taken timeout timeout timeout",
    servers.finishes_first: "closed closed closed closed closed reset taken closed closed closed",
    servers.resets: "reset reset reset reset reset reset reset reset reset reset",
    servers.replies_half: "torn torn torn timeout torn reset taken timeout torn torn",
    servers.sends_other_bytes: "torn torn torn torn torn reset taken torn torn torn",
}
CASES = [
    pytest.param(peer, server, outcome.replace("timeout", "timed out"), id=f"{peer.name}-{name}")
    for server, row in ROWS.items()
    for name in [server.__name__]
    for peer, outcome in zip(PEERS, row.split(), strict=True)
]


@pytest.mark.parametrize(("peer", "server", "outcome"), CASES)
def test_a_peer_reports_the_outcome(
    peer: Peer, server: Handler, outcome: str, family: Family
) -> None:
    reply = REQUEST if server is servers.echo else REPLY
    deadline_s = SHORT_S if outcome == "timed out" else LONG_S
    with serving(server, family) as address:
        result = peer(address, REQUEST, reply, deadline_s=deadline_s)
    assert (result.peer, result.outcome) == (peer.name, outcome)


@each_peer
def test_it_is_refused_without_a_listener(peer: Peer, family: Family) -> None:
    with no_listener(family) as address:
        assert peer(address, REQUEST, REPLY) == PeerResult(peer.name, "refused", 0, b"")


@on_linux
@each_peer
def test_it_times_out_at_a_full_accept_queue(peer: Peer, family: Family) -> None:
    with open_listener(family.host, backlog=0) as listener:
        address = listener.getsockname()
        with socket.create_connection(address[:2]):  # one more than the backlog is admitted
            assert peer(address, REQUEST, REPLY, deadline_s=SHORT_S).outcome == "timed out"


def test_every_outcome_is_explained() -> None:
    words = {outcome for row in ROWS.values() for outcome in row.split()} - {"timeout"}
    assert words | {"timed out", "refused"} == set(peers.OUTCOMES)


# Expected replies


def test_glued_requests_need_as_many_replies(family: Family) -> None:
    with serving(servers.framed, family) as address:
        result = peers.glued(address, REQUEST, REPLY, copies=5)
    assert result == PeerResult("glued", "replied", 5 * len(REQUEST), 5 * REPLY)


def test_a_flood_is_answered_whole(family: Family) -> None:
    with serving(servers.framed, family) as address:
        result = peers.floods(address, REQUEST, REPLY, most=1_000_000, deadline_s=LONG_S)
    copies = 1_000_000 // len(REQUEST)
    assert result == PeerResult("floods", "replied", copies * len(REQUEST), copies * REPLY)


def test_without_an_expected_reply_any_will_do(family: Family) -> None:
    with serving(servers.echo, family) as address:
        assert peers.well_behaved(address, b"hello") == PeerResult(
            "well behaved", "replied", 5, b"hello"
        )


def test_nothing_before_the_end_is_no_reply(family: Family) -> None:
    with serving(servers.finishes_first, family) as address:
        assert str(peers.half_closes(address, REQUEST)) == "half closes: closed"


def test_an_empty_reply_is_the_end_of_the_stream(family: Family) -> None:
    with serving(servers.echo, family) as address:
        assert peers.well_behaved(address, b"", b"").outcome == "closed"


def test_a_late_reply_is_kept_as_far_as_it_came(family: Family) -> None:
    half = REPLY[: len(REPLY) // 2]
    with serving(servers.replies_slowly, family) as address:
        result = peers.well_behaved(address, REQUEST, REPLY, deadline_s=ENOUGH_S)
    assert result == PeerResult("well behaved", "timed out", len(REQUEST), half)


def test_more_than_the_reply_is_torn(family: Family) -> None:
    with serving(servers.replies_twice, family) as address:
        result = peers.well_behaved(address, REQUEST, REPLY, deadline_s=LONG_S)
    assert result == PeerResult("well behaved", "torn", len(REQUEST), 2 * REPLY)


@pytest.mark.parametrize("server", [servers.replies_and_resets, servers.replies_and_holds_on])
def test_a_whole_reply_counts_however_it_ends(server: Handler, family: Family) -> None:
    with serving(server, family) as address:
        result = peers.well_behaved(address, REQUEST, REPLY, deadline_s=ENOUGH_S)
    assert result == PeerResult("well behaved", "replied", len(REQUEST), REPLY)


def test_an_endless_reply_is_given_up(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(connection: socket.socket, done: object) -> None:
        while True:
            connection.sendall(bytes(1000))

    monkeypatch.setattr(peer_connection, "MOST_RECEIVED", 100_000)
    with serving(endless, family) as address:
        result = peers.well_behaved(address, REQUEST, deadline_s=LONG_S)
    assert result.outcome == "torn"
    assert 100_000 < len(result.received) <= 200_000


def test_bytes_before_a_broken_pipe_are_read(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's FIN and its RST both arrive between a wait and the next send."""

    def looks_too_early(
        self: peer_connection.PeerConnection, events: int, at_most_s: float = 0
    ) -> int:
        return events & (selectors.EVENT_WRITE if events & selectors.EVENT_WRITE else events)

    monkeypatch.setattr(peer_connection.PeerConnection, "wait", looks_too_early)
    with (
        open_listener(family.host) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
    ):
        client.setblocking(False)
        with listener.accept()[0] as connection:
            connection.sendall(REPLY)
        client_side = peer_connection.PeerConnection(client, REPLY, time.monotonic() + LONG_S)
        client_side.send(b"answered by a reset, for the server has closed")
        with pytest.raises(EOFError):
            client_side.send(b"EPIPE")
    assert bytes(client_side.received) == REPLY


# Behaviour of each


def test_single_bytes_come_one_by_one(family: Family) -> None:
    pieces: list[bytes] = []

    def collect(connection: socket.socket, done: object) -> None:
        while piece := connection.recv(100):
            pieces.append(piece)
        connection.sendall(REPLY)

    with serving(collect, family) as address, record() as recording:
        peers.one_byte_at_a_time(address, b"hey", pause_s=0.05)
    assert b"".join(pieces) == b"hey"
    sends = [call.arguments for call in recording if call.name == "send"]
    assert sends == ["b'h'", "b'e'", "b'y'"]


def test_pauses_leave_half_of_the_deadline(family: Family) -> None:
    with serving(servers.echo, family) as address:
        result = peers.one_byte_at_a_time(
            address, bytes(1000), bytes(1000), pause_s=10, deadline_s=2
        )
    assert result.outcome == "replied"


def test_two_sending_ends_do_not_deadlock(family: Family) -> None:
    much = bytes(1 << 24)  # more than all buffers between them hold
    with serving(servers.echo, family) as address:
        assert peers.well_behaved(address, much, much, deadline_s=LONG_S).outcome == "replied"


def test_it_works_with_select(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_connection, "_Selector", selectors.SelectSelector)
    with serving(servers.echo, family) as address:
        result = peers.floods(address, REQUEST, REQUEST, deadline_s=LONG_S)
    assert result.outcome == "replied"


def test_half_a_message_is_never_the_whole(family: Family) -> None:
    with serving(servers.finishes_first, family) as address:
        assert peers.half_a_message(address, b"x").sent == 0


@pytest.mark.parametrize("in_reply", [False, True])
def test_an_abort_reaches_the_server_as_a_reset(family: Family, in_reply: bool) -> None:
    errors: list[int | None] = []

    def answer(connection: socket.socket, done: object) -> None:
        if in_reply:
            read = servers.read_request(connection)
            assert read
            connection.sendall(REPLY)
        try:
            while connection.recv(100):
                pass
        except ConnectionResetError as error:
            errors.append(error.errno)
        finally:
            over.close()

    ours, over = socket.socketpair()
    with ours, over, serving(answer, family) as address:
        result = peers.aborts(address, REQUEST, REPLY, in_reply=in_reply, deadline_s=LONG_S)
        ours.settimeout(LONG_S)
        assert ours.recv(1) == b""
    assert errors == [errno.ECONNRESET]
    assert result.received == (REPLY[:1] if in_reply else b"")


def test_an_abort_in_a_missing_reply_times_out(family: Family) -> None:
    with serving(servers.mute, family) as address:
        result = peers.aborts(address, REQUEST, in_reply=True, deadline_s=SHORT_S)
    assert result.outcome == "timed out"


@pytest.mark.parametrize("claimed", [0xFFFF_FFFF, 1 << 31])
def test_a_huge_length_precedes_a_few_bytes(family: Family, claimed: int) -> None:
    received: list[bytes] = []
    with serving(lambda connection, done: received.append(connection.recv(100)), family) as address:
        result = peers.claims_a_huge_length(address, b"few", claimed=claimed, deadline_s=LONG_S)
    assert received == [claimed.to_bytes(4, "big") + b"few"]
    assert str(result) == "claims a huge length: closed"


def test_a_length_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError):
        peers.claims_a_huge_length(("127.0.0.1", 80), b"", claimed=256, header_bytes=1)


@pytest.mark.parametrize("peer", [peers.never_reads, peers.floods])
@pytest.mark.parametrize("most", [1, 1000, 100_000])
def test_bytes_sent_are_bounded(peer, most: int, family: Family) -> None:
    with serving(servers.finishes_first, family) as address:
        result = peer(address, REQUEST, most=most, deadline_s=LONG_S)
    assert result.sent <= max(most, len(REQUEST))


@pytest.mark.parametrize("peer", [peers.never_reads, peers.floods])
def test_an_empty_request_is_no_endless_loop(peer, family: Family) -> None:
    with serving(servers.echo, family) as address:
        assert peer(address, b"", deadline_s=LONG_S).sent == 0
