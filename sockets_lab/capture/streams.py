"""Assemble packets into TCP streams, and name their ends by role.

A stream begins with a SYN. The end that sends it is a client, and clients are numbered in the order
of their SYNs; the other end of client 1 is connection 1, even before the server accepts it. A SYN
that the kernel drops because the queue is full never becomes a connection: it was sent to the
listener. Where no socket listens, the kernel itself answers with RST: that end is a closed port.
"""

from collections.abc import Iterable, Iterator
from itertools import count

from sockets_lab.capture.packets import Packet
from sockets_lab.capture.pcap import Address, Header, mark_in, parse_header
from sockets_lab.capture.segments import CLOSED_PORT, Capture, Segment, Step

__all__ = ["assemble"]

_WRAP = 2**32  # sequence numbers start again at 0 here


class _Stream:
    """Headers of the segments between two endpoints, from a SYN on."""

    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.names: dict[Address, str] = {}
        self.listener = ""

    def continues_with(self, header: Header) -> bool:
        """Return True if this belongs to it, and is not the SYN of a new one between these ends."""
        if not header.opens:
            return True
        own = [each.seq for each in self.headers if each.source == header.source]
        return own[0] == header.seq if own else all(each.opens for each in self.headers)

    @property
    def clients(self) -> tuple[Address, ...]:
        """Return the ends that sent a SYN first: one, or both at the same time."""
        return tuple(dict.fromkeys(each.source for each in self.headers if each.opens))

    def answer(self, server: Address) -> tuple[str, ...]:
        """Return the flags of the first answer of `server`; empty if it never answered."""
        return next((each.flags for each in self.headers if each.source == server), ())

    def segments(self, began_ns: int) -> Iterator[Segment]:
        """Yield its segments by role, with numbers that count from each end's SYN."""
        first, scales = self._first_numbers(), self._scales()
        sent: dict[tuple[Address, bool], int] = {}
        for at, header in enumerate(self.headers):
            segment = Segment(
                at_s=(header.at_ns - began_ns) / 1e9,
                sender=self.names[header.source],
                receiver=self._receiver(at, header),
                flags=" ".join(header.flags),
                seq=(header.seq - first[header.source]) % _WRAP,
                ack=(header.ack - first[header.target]) % _WRAP if "ACK" in header.flags else None,
                nbytes=header.nbytes,
                payload=header.payload,
                window=header.window << (0 if "SYN" in header.flags else scales[header.source]),
            )
            # Both ends may send SYN, and then SYN ACK: that is no repetition.
            before = sent.get((header.source, header.opens), 0)
            sent[header.source, header.opens] = max(before, segment.end)
            yield segment._replace(again=segment.seq < segment.end <= before)

    def _first_numbers(self) -> dict[Address, int]:
        """Return each end's first sequence number, from its SYN or else the other's ACK."""
        first: dict[Address, int] = {}
        for header in self.headers:
            first.setdefault(header.source, header.seq)
            if "ACK" in header.flags:
                first.setdefault(header.target, header.ack - 1)
        return first

    def _receiver(self, at: int, header: Header) -> str:
        answered = any(each.source == header.target for each in self.headers[at + 1 : at + 2])
        return self.names[header.target] if answered or not header.opens else self.listener

    def _scales(self) -> dict[Address, int]:
        """Return each end's window scale in bits, which both SYNs must announce (RFC 7323)."""
        scales = {each.source: each.scale for each in self.headers if "SYN" in each.flags}
        agreed = {} if None in scales.values() else scales
        return {header.source: agreed.get(header.source) or 0 for header in self.headers}


def assemble(packets: Iterable[Packet], result: object = None) -> Capture:
    """Return the capture of these packets; what is neither TCP nor a mark is ignored."""
    kept: list[tuple[Packet, _Stream]] = []
    steps: list[Step] = []
    streams = _Streams()
    for packet in packets:
        words, found = mark_in(packet), parse_header(packet)
        if words is not None:
            steps.append(Step(words, len(kept), packet))
        elif found and (stream := streams.find(found)):
            stream.headers.append(found)
            kept.append((packet, stream))
    segments = _by_role(streams.all, began_ns=kept[0][0].at_ns if kept else 0)
    return Capture(
        [next(segments[stream]) for _, stream in kept],
        packets=[packet for packet, _ in kept],
        steps=steps,
        result=result,
        left_out=streams.left_out,
    )


class _Streams:
    """Streams that have begun so far, and the number of segments that belong to none."""

    def __init__(self) -> None:
        self.all: list[_Stream] = []
        self.left_out = 0
        self._latest: dict[frozenset[Address], _Stream] = {}

    def find(self, header: Header) -> _Stream | None:
        """Return the stream of a segment; None if its beginning was not captured."""
        ends = frozenset((header.source, header.target))
        stream = self._latest.get(ends)
        if header.opens and not (stream and stream.continues_with(header)):
            stream = self._latest[ends] = _Stream()
            self.all.append(stream)
        self.left_out += stream is None
        return stream


def _by_role(streams: Iterable[_Stream], began_ns: int) -> dict[_Stream, Iterator[Segment]]:
    """Name the ends of every stream, and return an iterator over the segments of each."""
    numbers = count(1)
    listeners: dict[Address, str] = {}
    for stream in streams:
        server = stream.headers[0].target
        stream.listener = listeners.setdefault(server, _nth("listener", len(listeners) + 1))
        clients = [(end, next(numbers)) for end in stream.clients]
        refused = "RST" in stream.answer(server)
        stream.names[server] = CLOSED_PORT if refused else f"connection {clients[0][1]}"
        stream.names.update((end, f"client {number}") for end, number in clients)
    return {stream: stream.segments(began_ns) for stream in streams}


def _nth(role: str, number: int) -> str:
    """Return a role's name as `Roles` counts: "listener", then "listener 2"."""
    return role if number == 1 else f"{role} {number}"
