"""States of both ends, derived from segments: figure 5 of RFC 9293, crossings and losses."""

import sys
from collections import deque
from collections.abc import Iterable
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockets_lab.capture import Segment, read, states
from sockets_lab.capture.states import FIGURE_5
from sockets_lab.course_files import find_course_files

A, B, LISTENER = "client 1", "connection 1", "listener"
OTHER = {A: B, B: A}


def sent(
    sender: str,
    flags: str,
    seq: int = 0,
    ack: int | None = None,
    receiver: str = "",
    nbytes: int = 0,
) -> Segment:
    """Return one segment; by default the receiver is the other of A and B."""
    return Segment(0, sender, receiver or OTHER[sender], flags, seq, ack, nbytes)


def again(segment: Segment) -> Segment:
    return segment._replace(again=True)


def path(segments: Iterable[Segment], role: str) -> list[str]:
    """Return the states that one end goes through, without repetition."""
    seen = [after[role] for after in states(segments) if role in after]
    return [state for state, _ in groupby(seen)]


SYN, SYN_ACK, ACK = sent(A, "SYN"), sent(B, "SYN ACK", 0, 1), sent(A, "ACK", 1, 1)
HANDSHAKE = [SYN, SYN_ACK, ACK]
ONE_CLOSES, FIN_IS_ACKED = sent(A, "FIN ACK", 1, 1), sent(B, "ACK", 1, 2)
OTHER_CLOSES, ALL_IS_ACKED = sent(B, "FIN ACK", 1, 2), sent(A, "ACK", 2, 2)

CONVERSATIONS = {
    "handshake": (
        HANDSHAKE,
        ["SYN_SENT", "ESTABLISHED"],
        ["SYN_RECV", "ESTABLISHED"],
    ),
    "one closes, then the other": (
        [*HANDSHAKE, ONE_CLOSES, FIN_IS_ACKED, OTHER_CLOSES, ALL_IS_ACKED],
        ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"],
        ["SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"],
    ),
    "the acknowledgement rides on the other FIN": (
        [*HANDSHAKE, ONE_CLOSES, OTHER_CLOSES, ALL_IS_ACKED],
        ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT"],
        ["SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"],
    ),
    "both close at the same time": (
        [
            *HANDSHAKE,
            ONE_CLOSES,
            sent(B, "FIN ACK", 1, 1),
            sent(A, "ACK", 2, 2),
            sent(B, "ACK", 2, 2),
        ],
        ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "CLOSING", "TIME_WAIT"],
        ["SYN_RECV", "ESTABLISHED", "CLOSING", "TIME_WAIT"],
    ),
    "a reply crosses the FIN, and its own FIN does, too": (
        [
            *HANDSHAKE,
            ONE_CLOSES,
            sent(B, "PSH ACK", 1, 1, nbytes=5),
            sent(B, "FIN ACK", 6, 1),
            sent(B, "ACK", 7, 2),
            sent(A, "ACK", 2, 7),
        ],
        ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "CLOSING", "TIME_WAIT"],
        ["SYN_RECV", "ESTABLISHED", "CLOSING", "TIME_WAIT"],
    ),
    "the server closes first": (
        [
            *HANDSHAKE,
            sent(B, "FIN ACK", 1, 1),
            sent(A, "ACK", 1, 2),
            sent(A, "FIN ACK", 1, 2),
            sent(B, "ACK", 2, 2),
        ],
        ["SYN_SENT", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"],
        ["SYN_RECV", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"],
    ),
    "the last ACK of the handshake carries the request and the FIN": (
        [SYN, SYN_ACK, sent(A, "FIN PSH ACK", 1, 1, nbytes=5), sent(B, "ACK", 1, 7)],
        ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2"],
        ["SYN_RECV", "CLOSE_WAIT"],
    ),
    "a reset": (
        [*HANDSHAKE, sent(B, "RST ACK", 1, 1)],
        ["SYN_SENT", "ESTABLISHED", "CLOSED"],
        ["SYN_RECV", "ESTABLISHED", "CLOSED"],
    ),
    "a reset of a half-open connection": (
        [SYN, SYN_ACK, sent(A, "RST", 1)],
        ["SYN_SENT", "ESTABLISHED", "CLOSED"],
        ["SYN_RECV", "CLOSED"],
    ),
    "a SYN ACK that the client does not take": (
        [SYN, SYN_ACK, again(SYN), again(SYN_ACK), again(SYN)],
        ["SYN_SENT"],
        ["SYN_RECV"],
    ),
    "an ACK that a full queue throws away": (
        [*HANDSHAKE, again(SYN_ACK), ACK],
        ["SYN_SENT", "ESTABLISHED"],
        ["SYN_RECV", "ESTABLISHED"],
    ),
    "a FIN that is lost": (
        [*HANDSHAKE, ONE_CLOSES, sent(B, "PSH ACK", 1, 1, nbytes=5), again(ONE_CLOSES)],
        ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1"],
        ["SYN_RECV", "ESTABLISHED", "CLOSE_WAIT"],
    ),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_states_of_both_ends(name: str) -> None:
    segments, client, connection = CONVERSATIONS[name]
    assert path(segments, A) == client
    assert path(segments, B) == connection


def test_a_lost_fin_arrives_when_it_is_sent_again() -> None:
    segments, _, _ = CONVERSATIONS["a FIN that is lost"]
    assert [after[B] for after in states(segments)][-3:] == [
        "ESTABLISHED",
        "ESTABLISHED",
        "CLOSE_WAIT",
    ]


def test_a_dropped_ack_leaves_it_half_open() -> None:
    segments, _, _ = CONVERSATIONS["an ACK that a full queue throws away"]
    assert [after[B] for after in states(segments)] == [*["SYN_RECV"] * 4, "ESTABLISHED"]


def test_a_fin_that_crosses_a_reply_arrives_after() -> None:
    segments = [*HANDSHAKE, ONE_CLOSES, sent(B, "PSH ACK", 1, 1, nbytes=5), sent(B, "ACK", 6, 2)]
    assert [after[B] for after in states(segments)][-3:] == [
        "ESTABLISHED",
        "CLOSE_WAIT",
        "CLOSE_WAIT",
    ]


def test_two_that_call_each_other() -> None:
    one, two = "client 1", "client 2"
    segments = [
        sent(one, "SYN", receiver=two),
        sent(two, "SYN", receiver=one),
        sent(one, "SYN ACK", 0, 1, two),
        sent(two, "SYN ACK", 0, 1, one),
    ]
    assert path(segments, one) == ["SYN_SENT", "SYN_RECV", "ESTABLISHED"]
    assert path(segments, two) == ["CLOSED", "SYN_RECV", "ESTABLISHED"]


def test_one_that_calls_itself() -> None:
    segments = [
        sent(A, "SYN", receiver=A),
        sent(A, "SYN ACK", 0, 1, A),
        sent(A, "ACK", 1, 1, A),
    ]
    assert path(segments, A)[-1] == "ESTABLISHED"


def test_a_dropped_syn_changes_no_listener() -> None:
    segments = [sent(A, "SYN", receiver=LISTENER), again(SYN), SYN_ACK]
    assert path(segments, LISTENER) == ["LISTEN"]
    assert path(segments, A) == ["SYN_SENT", "ESTABLISHED"]
    assert path(segments, B) == ["SYN_RECV"]


def test_a_closed_port_stays_closed() -> None:
    port = "closed port"
    segments = [sent(A, "SYN", receiver=port), sent(port, "RST ACK", 0, 1, A)]
    assert path(segments, A) == ["SYN_SENT", "CLOSED"]
    assert path(segments, port) == ["CLOSED"]


def test_an_end_appears_with_its_first_segment() -> None:
    first, *_, last = states(read(find_course_files().data / "captures" / "full_queue_ipv4.pcap"))
    assert first == {"client 1": "SYN_SENT", "connection 1": "SYN_RECV"}
    assert last == {
        "client 1": "TIME_WAIT",
        "connection 1": "CLOSED",
        "client 2": "CLOSED",
        "listener": "LISTEN",
        "connection 2": "CLOSED",
    }


def test_every_line_of_figure_5_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: set[tuple[str, str]] = set()

    class Watched(dict[tuple[str, str], str]):
        def get(self, key: tuple[str, str], default: str) -> str:  # type: ignore[override]
            walked.update({key} & self.keys())
            return super().get(key, default)

    monkeypatch.setattr(sys.modules["sockets_lab.capture.states"], "FIGURE_5", Watched(FIGURE_5))
    for segments, _, _ in CONVERSATIONS.values():
        states(segments)
    test_two_that_call_each_other()
    early = [SYN, sent(B, "FIN SYN ACK", 0, 1)]  # a server that closes before it is connected
    assert path(early, B) == ["SYN_RECV", "FIN_WAIT_1"]
    assert walked == set(FIGURE_5)


# Two ends that behave as RFC 9293 says, in any order of sending and arriving


class End:
    """End of a connection: what it sent and received, and its state by separate rules."""

    def __init__(self, role: str, state: str) -> None:
        self.role, self.state = role, state
        self.next = self.expects = 0
        self.fin: int | None = None
        self.owes_ack = False

    def say(self, flags: str, nbytes: int = 0) -> Segment:
        segment = sent(self.role, flags, self.next, self.expects, nbytes=nbytes)
        if flags == "SYN":
            segment = segment._replace(ack=None)
        self.next, self.owes_ack = segment.end, False
        return segment

    @property
    def may_send(self) -> bool:
        return self.state in ("ESTABLISHED", "CLOSE_WAIT")

    def close(self) -> Segment:
        self.state = {"ESTABLISHED": "FIN_WAIT_1", "CLOSE_WAIT": "LAST_ACK"}[self.state]
        self.fin = self.next + 1
        return self.say("FIN ACK")

    def take(self, segment: Segment) -> Segment | None:
        """Process a segment; return the immediate answer."""
        self.expects = max(self.expects, segment.end)
        fin_is_acked = self.fin is not None and (segment.ack or 0) >= self.fin
        if segment.has("SYN"):
            self.state = {"LISTEN": "SYN_RECV", "SYN_SENT": "ESTABLISHED"}[self.state]
            return self.say("SYN ACK" if self.state == "SYN_RECV" else "ACK")
        if self.state == "SYN_RECV":
            self.state = "ESTABLISHED"
        if fin_is_acked:
            after = {"FIN_WAIT_1": "FIN_WAIT_2", "CLOSING": "TIME_WAIT", "LAST_ACK": "CLOSED"}
            self.state = after.get(self.state, self.state)
        self.owes_ack |= segment.nbytes > 0
        if segment.has("FIN"):
            at_once = self.fin is not None
            after = {"FIN_WAIT_1": "CLOSING", "FIN_WAIT_2": "TIME_WAIT"}
            self.state = after.get(self.state, "CLOSE_WAIT")
            self.owes_ack = True
            return self.say("ACK") if at_once else None
        return None


class Network:
    """Two ends and what is under way; `captured` as it is sent, or as it arrives."""

    def __init__(self, *, as_sent: bool) -> None:
        self.ends = {A: End(A, "SYN_SENT"), B: End(B, "LISTEN")}
        self.under_way: dict[str, deque[Segment]] = {A: deque(), B: deque()}  # to A, to B
        self.as_sent = as_sent
        self.captured: list[Segment] = []
        self.quiet: list[tuple[int, dict[str, str]]] = []
        self.send(self.ends[A].say("SYN"))
        for role in (B, A, B):
            self.arrive(role)

    def send(self, segment: Segment | None) -> None:
        if segment is None:
            return
        self.under_way[segment.receiver].append(segment)
        if self.as_sent:
            self.captured.append(segment)

    def arrive(self, role: str) -> None:
        if not self.under_way[role]:
            return
        segment = self.under_way[role].popleft()
        if not self.as_sent:
            self.captured.append(segment)
        self.send(self.ends[role].take(segment))

    def act(self, role: str, what: str) -> None:
        """Let an end do something, if it may; note the states whenever nothing is under way."""
        end = self.ends[role]
        if what == "arrive":
            self.arrive(role)
        elif what == "acknowledge" and end.owes_ack:
            self.send(end.say("ACK"))
        elif what == "send" and end.may_send:
            self.send(end.say("PSH ACK", nbytes=5))
        elif what == "close" and end.may_send:
            self.send(end.close())
        if not any(self.under_way.values()):
            self.quiet.append((len(self.captured), {r: e.state for r, e in self.ends.items()}))


ACTS = st.tuples(
    st.sampled_from([A, B]),
    st.sampled_from(["arrive", "acknowledge", "send", "close"]),
)


@given(st.lists(ACTS, max_size=40), st.booleans())
def test_states_match_the_ends_when_all_is_quiet(
    acts: list[tuple[str, str]], as_sent: bool
) -> None:
    network = Network(as_sent=as_sent)
    for role, what in [*acts, *[(A, "arrive"), (B, "arrive")] * 40]:
        network.act(role, what)
    derived = states(network.captured)
    assert network.quiet
    for number, actual in network.quiet:
        assert derived[number - 1] == actual


@given(st.lists(ACTS, max_size=40), st.booleans())
def test_each_state_follows_from_the_one_before(acts: list[tuple[str, str]], as_sent: bool) -> None:
    steps = {(before, after) for (before, _), after in FIGURE_5.items()}
    two_at_once = {(a, d) for a, b in steps for c, d in steps if b == c}
    network = Network(as_sent=as_sent)
    for role, what in acts:
        network.act(role, what)
    for role in (A, B):
        assert set(pairwise(path(network.captured, role))) <= steps | two_at_once
