"""Derive the TCP states of both ends from the segments (RFC 9293, section 3.3.2, figure 5).

A capture shows when a segment passed, not what the two ends knew at that moment. Three things show
that:

- Everything an end sends acknowledges all that it has received by then. If the next segment of an
  end does not acknowledge the other's SYN or FIN, the two have crossed on the way: both ends close
  at the same time, and CLOSING is seen where LAST_ACK would be guessed.
- A SYN or FIN that is sent again without an answer has been lost or dropped.
- An end that sends its SYN or FIN again has not received the acknowledgement that passed before.

What leaves no trace in the packets cannot be derived: the end of TIME_WAIT, a `close()` that sends
nothing, a timeout.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Final

from sockets_lab.capture.segments import CLOSED_PORT, Segment

__all__ = ["FIGURE_5", "states"]

# (state, what happens) -> state. In one segment the acknowledgement comes before the FIN.
FIGURE_5: Final = {
    ("CLOSED", "sends SYN"): "SYN_SENT",
    ("LISTEN", "receives SYN"): "SYN_RECV",
    ("SYN_SENT", "receives SYN"): "SYN_RECV",
    ("SYN_SENT", "receives SYN and ACK of SYN"): "ESTABLISHED",
    ("SYN_RECV", "receives SYN and ACK of SYN"): "ESTABLISHED",
    ("SYN_RECV", "receives ACK of SYN"): "ESTABLISHED",
    ("SYN_RECV", "sends FIN"): "FIN_WAIT_1",
    ("ESTABLISHED", "sends FIN"): "FIN_WAIT_1",
    ("ESTABLISHED", "receives FIN"): "CLOSE_WAIT",
    ("FIN_WAIT_1", "receives ACK of FIN"): "FIN_WAIT_2",
    ("FIN_WAIT_1", "receives FIN"): "CLOSING",
    ("FIN_WAIT_2", "receives FIN"): "TIME_WAIT",
    ("CLOSING", "receives ACK of FIN"): "TIME_WAIT",
    ("CLOSE_WAIT", "sends FIN"): "LAST_ACK",
    ("LAST_ACK", "receives ACK of FIN"): "CLOSED",
}

_HALF = 2**31  # a number up to this far ahead is later, one further ahead is earlier


def states(capture: Iterable[Segment]) -> tuple[dict[str, str], ...]:
    """Return the TCP state of every end after each segment, by role, in the kernel's words.

    capture: whole connections, from their SYN on. An end is in it from the first segment that it
    sends or is sent; TIME_WAIT and CLOSED stay. See FIGURE_5 and the top of this file.
    """
    return tuple(_Ends(list(capture)).after_each())


class _Ends:
    """States of both ends of every connection, updated by one segment after another."""

    def __init__(self, segments: list[Segment]) -> None:
        self._segments = segments
        self._state: dict[str, str] = {}
        self._fin: dict[str, int] = {}  # the number that acknowledges an end's FIN
        self._under_way: defaultdict[str, deque[int]] = defaultdict(deque)  # to an end
        self._clients = {each.sender for each in segments if each.opens}

    def after_each(self) -> Iterator[dict[str, str]]:
        for at, segment in enumerate(self._segments):
            for role in (segment.sender, segment.receiver):
                self._state.setdefault(role, self._initial_state(role))
            self._send(segment)
            if not self._is_lost(at):
                self._under_way[segment.receiver].append(at)
            for role in (segment.sender, segment.receiver):
                self._deliver(role, at)
            yield dict(self._state)

    def _deliver(self, role: str, now: int) -> None:
        """Process, in order, what an end has received before it sends its next segment."""
        under_way = self._under_way[role]
        while under_way and not self._crosses(under_way[0], now):
            self._receive(under_way.popleft())

    def _initial_state(self, role: str) -> str:
        return "CLOSED" if role in self._clients or role == CLOSED_PORT else "LISTEN"

    def _send(self, segment: Segment) -> None:
        if segment.has("SYN"):
            self._move(segment.sender, "sends SYN")
        if segment.has("FIN"):
            self._fin[segment.sender] = segment.end
            self._move(segment.sender, "sends FIN")
        if segment.has("RST"):
            self._state[segment.sender] = "CLOSED"

    def _receive(self, at: int) -> None:
        segment = self._segments[at]
        if segment.has("RST"):
            self._state[segment.receiver] = "CLOSED"
            return
        for event in self._events(segment):
            if self._is_contradicted(at, event):
                return
            self._move(segment.receiver, event)

    def _move(self, role: str, event: str) -> None:
        state = self._state[role]
        self._state[role] = FIGURE_5.get((state, event), state)

    def _events(self, segment: Segment) -> Iterator[str]:
        """Yield the events of a segment that change a state, in the order of processing."""
        role = segment.receiver
        happens = {
            "receives SYN and ACK of SYN": segment.has("SYN") and _covers(segment, 1),
            "receives SYN": segment.has("SYN"),
            "receives ACK of SYN": _covers(segment, 1),
            "receives ACK of FIN": role in self._fin and _covers(segment, self._fin[role]),
            "receives FIN": segment.has("FIN"),
        }
        for event, does in happens.items():
            if does and (self._state[role], event) in FIGURE_5:
                yield event

    # Looking ahead

    def _is_contradicted(self, at: int, event: str) -> bool:
        """Return True if the receiver sends again what this would have acknowledged."""
        _, _, flag = event.partition("ACK of ")
        return bool(flag) and any(one.again and one.has(flag) for one in self._answers(at))

    def _crosses(self, at: int, now: int) -> bool:
        """Return True if the receiver's next segment shows that this SYN or FIN had not arrived."""
        segment = self._segments[at]
        if not _takes_a_number(segment):
            return False
        later = (one for one in self._segments[now + 1 :] if one.sender == segment.receiver)
        answer = next(later, None)
        return not (answer is None or answer.has("RST") or _covers(answer, segment.end))

    def _is_lost(self, at: int) -> bool:
        """Return True if this SYN or FIN is sent again unacknowledged, or never answered."""
        segment = self._segments[at]
        if not _takes_a_number(segment):
            return False
        for later in self._between(at):
            if later.sender == segment.sender and later.again and later.end == segment.end:
                return True
            if later.sender != segment.sender and (later.has("RST") or _covers(later, segment.end)):
                return False
        return segment.opens and not any(self._answers(at))

    def _answers(self, at: int) -> Iterator[Segment]:
        """Yield what the receiver of a segment sends to its sender afterwards."""
        receiver = self._segments[at].receiver
        return (later for later in self._between(at) if later.sender == receiver)

    def _between(self, at: int) -> Iterator[Segment]:
        """Yield what the two ends of a segment send to each other afterwards."""
        ends = {self._segments[at].sender, self._segments[at].receiver}
        return (one for one in self._segments[at + 1 :] if {one.sender, one.receiver} == ends)


def _takes_a_number(segment: Segment) -> bool:
    return segment.has("SYN") or segment.has("FIN")


def _covers(segment: Segment, number: int) -> bool:
    """Return True if a segment acknowledges everything before `number`."""
    return segment.ack is not None and (segment.ack - number) % 2**32 < _HALF
