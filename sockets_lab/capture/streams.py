"""Who talks to whom in a capture: packets in, segments in roles out.

A conversation begins with a SYN. Whoever sends it is a client, and clients are numbered in the
order of their SYNs; the other end of client 1 is connection 1, also before anybody accepts it. A
SYN that the kernel throws away, since the queue is full, never met a connection: it was sent to the
listener. Where nobody listens the kernel itself answers, with RST: that end is a closed port.
"""

from collections.abc import Iterable, Iterator
from itertools import count

from sockets_lab.capture.pcap import Header, Place, header, mark_in
from sockets_lab.capture.segments import CLOSED_PORT, Capture, Packet, Segment, Step

__all__ = ["assemble"]

_WRAP = 2**32  # sequence numbers begin anew behind this


class _Conversation:
    """The headers of what two endpoints say to each other, from a SYN on."""

    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.names: dict[Place, str] = {}
        self.listener = ""

    def goes_on_with(self, told: Header) -> bool:
        """Whether this belongs to it, and is not the SYN of a next one between the same ends."""
        if not told.opens:
            return True
        own = [each.seq for each in self.headers if each.source == told.source]
        return own[0] == told.seq if own else all(each.opens for each in self.headers)

    @property
    def clients(self) -> tuple[Place, ...]:
        """Who asked for the connection: one end, or both if they did so at the same time."""
        return tuple(dict.fromkeys(each.source for each in self.headers if each.opens))

    def answer(self, server: Place) -> tuple[str, ...]:
        """The flags of the first answer of `server`; empty if it never answered."""
        return next((each.flags for each in self.headers if each.source == server), ())

    def segments(self, began_ns: int) -> Iterator[Segment]:
        """Its segments in roles, with numbers that count from each end's SYN."""
        first, scales = self._first_numbers(), self._scales()
        sent: dict[tuple[Place, bool], int] = {}
        for at, told in enumerate(self.headers):
            segment = Segment(
                at_s=(told.at_ns - began_ns) / 1e9,
                sender=self.names[told.source],
                receiver=self._receiver(at, told),
                flags=" ".join(told.flags),
                seq=(told.seq - first[told.source]) % _WRAP,
                ack=(told.ack - first[told.target]) % _WRAP if "ACK" in told.flags else None,
                nbytes=told.nbytes,
                payload=told.payload,
                window=told.window << (0 if "SYN" in told.flags else scales.get(told.source, 0)),
            )
            before = sent.get((told.source, told.opens), 0)  # two that call each other send SYN
            sent[told.source, told.opens] = max(before, segment.end)  # and then SYN ACK: no repeat
            yield segment._replace(again=segment.seq < segment.end <= before)

    def _first_numbers(self) -> dict[Place, int]:
        """Each end's first sequence number, its SYN's; told by the other end if not captured."""
        first: dict[Place, int] = {}
        for told in self.headers:
            first.setdefault(told.source, told.seq)
            if "ACK" in told.flags:
                first.setdefault(told.target, told.ack - 1)
        return first

    def _receiver(self, at: int, told: Header) -> str:
        answered = any(each.source == told.target for each in self.headers[at + 1 : at + 2])
        return self.names[told.target] if answered or not told.opens else self.listener

    def _scales(self) -> dict[Place, int]:
        """By how many bits each end's window is to be shifted: both SYNs must say so (RFC 7323)."""
        said = {each.source: each.scale for each in self.headers if "SYN" in each.flags}
        return {} if None in said.values() else {place: scale or 0 for place, scale in said.items()}


def assemble(packets: Iterable[Packet], result: object = None) -> Capture:
    """The capture that these packets make; what is neither TCP nor a mark is passed over."""
    kept: list[tuple[Packet, _Conversation]] = []
    steps: list[Step] = []
    begun = _Begun()
    for packet in packets:
        words, told = mark_in(packet), header(packet)
        if words is not None:
            steps.append(Step(words, len(kept), packet))
        elif told and (talk := begun.find(told)):
            talk.headers.append(told)
            kept.append((packet, talk))
    telling = _in_roles(begun.talks, began_ns=kept[0][0].at_ns if kept else 0)
    return Capture(
        [next(telling[talk]) for _, talk in kept],
        packets=[packet for packet, _ in kept],
        steps=steps,
        result=result,
        left_out=begun.left_out,
    )


class _Begun:
    """The conversations that have begun so far, and how many segments belonged to none."""

    def __init__(self) -> None:
        self.talks: list[_Conversation] = []
        self.left_out = 0
        self._latest: dict[frozenset[Place], _Conversation] = {}

    def find(self, told: Header) -> _Conversation | None:
        """The conversation that a segment belongs to; None if its beginning was not captured."""
        ends = frozenset((told.source, told.target))
        talk = self._latest.get(ends)
        if told.opens and not (talk and talk.goes_on_with(told)):
            talk = self._latest[ends] = _Conversation()
            self.talks.append(talk)
        self.left_out += talk is None
        return talk


def _in_roles(
    talks: Iterable[_Conversation], began_ns: int
) -> dict[_Conversation, Iterator[Segment]]:
    """Give everybody a name, and let each conversation tell its segments."""
    numbers = count(1)
    listeners: dict[Place, str] = {}
    for talk in talks:
        server = talk.headers[0].target
        talk.listener = listeners.setdefault(server, _nth("listener", len(listeners) + 1))
        clients = [(place, next(numbers)) for place in talk.clients]
        refused = "RST" in talk.answer(server)
        talk.names[server] = CLOSED_PORT if refused else f"connection {clients[0][1]}"
        talk.names.update((place, f"client {number}") for place, number in clients)
    return {talk: talk.segments(began_ns) for talk in talks}


def _nth(role: str, number: int) -> str:
    """A role's name as `Roles` counts: "listener", then "listener 2"."""
    return role if number == 1 else f"{role} {number}"
