"""TCP segments of a capture, labelled by role."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import compress
from os import PathLike
from typing import Final, NamedTuple, overload

from sockets_lab.capture.packets import Packet
from sockets_lab.capture.pcap import write

__all__ = ["CLOSED_PORT", "Capture", "Segment", "Step", "count_of_bytes"]

CLOSED_PORT: Final = "closed port"
"""The end that refuses a client: there is no listener, and the kernel itself answers."""


class Segment(NamedTuple):
    """One TCP segment: its sender, receiver, and header (RFC 9293, section 3.1).

    `at_s` is seconds after the first segment of the capture. `flags` are the names of the flags
    that are set, such as "SYN ACK". `seq` and `ack` count from each end's own SYN, which is number
    0; `ack` is None without the flag ACK. `nbytes` is the length of the payload, and `payload` as
    much of it as was captured. `window` is the receive window that the sender offers, in bytes.
    `again` is True when the sender had sent all of it before: a retransmission.
    """

    at_s: float
    sender: str
    receiver: str
    flags: str
    seq: int
    ack: int | None
    nbytes: int = 0
    payload: bytes = b""
    window: int = 0
    again: bool = False

    def has(self, flag: str) -> bool:
        """Return True if the flag of this name is set."""
        return flag in self.flags.split()

    @property
    def end(self) -> int:
        """Return the sequence number after it: SYN and FIN take one each (RFC 9293, 3.4)."""
        return self.seq + self.nbytes + self.has("SYN") + self.has("FIN")

    @property
    def opens(self) -> bool:
        """Return True if it asks for a connection: a SYN that acknowledges nothing."""
        return self.has("SYN") and not self.has("ACK")

    def __str__(self) -> str:
        count = [count_of_bytes(self.nbytes)] * bool(self.nbytes)
        parts = [self.flags or "no flag", *count, *["again"] * self.again]
        return f"{self.sender} -> {self.receiver}: {', '.join(parts)}"

    def __repr__(self) -> str:  # the time and the window differ from run to run
        return str(self)


def count_of_bytes(nbytes: int) -> str:
    """Return a number of bytes in words: "1 byte", "1,024 bytes"."""
    return "1 byte" if nbytes == 1 else f"{nbytes:,} bytes"


class Step(NamedTuple):
    """Words of a `mark()`, and the number of segments before it."""

    words: str
    segments: int
    packet: Packet | None = None

    def __str__(self) -> str:
        return f"{self.words} (segments so far: {self.segments})"

    def __repr__(self) -> str:
        return str(self)


class Capture(Sequence[Segment]):
    """TCP segments of a capture, in the order in which they arrived.

    Its text has roles, flags and lengths: no address, no port, no time. `steps` are the marks
    among the segments; `result` is what the function returned whose packets these are (None in a
    recording); `left_out` counts segments of connections whose SYN was not captured, so that the
    client is unknown.
    """

    def __init__(
        self,
        segments: Iterable[Segment],
        *,
        packets: Iterable[Packet] = (),
        steps: Iterable[Step] = (),
        result: object = None,
        left_out: int = 0,
    ) -> None:
        """Create it; `packets`, if there are any, are those of the segments, one each."""
        self._segments = tuple(segments)
        self._packets = tuple(packets)
        self.steps = tuple(steps)
        self.result = result
        self.left_out = left_out

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles that appear in it, in order of appearance."""
        return tuple(dict.fromkeys(role for one in self for role in (one.sender, one.receiver)))

    def of(self, role: str) -> "Capture":
        """Return the segments that `role` sent or received; KeyError if it is not in `roles`."""
        if role not in self.roles:
            near = get_close_matches(role, self.roles, n=1) or self.roles
            raise KeyError(f"this capture has no {role!r}, but {', '.join(near) or 'no segments'}")
        return self._only(lambda segment: role in (segment.sender, segment.receiver))

    def without_bare_acks(self) -> "Capture":
        """Return the capture without acknowledgements that may or may not be sent.

        A segment that only acknowledges may wait for up to 0.2 s and ride on the next segment to
        the same end instead (RFC 9293, section 3.8.6.3). Two kinds are always sent, and
        immediately, and so they stay: the one that ends a handshake, and the one that an end sends
        for the other's FIN after its own.
        """
        connected: set[str] = set()
        finished: set[str] = set()
        return self._only(lambda segment: not _may_be_missing(segment, connected, finished))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the packets as a pcap file, which Wireshark and tcpdump read as well.

        The packets begin with the IP header (link type 101, LINKTYPE_RAW). Raises ValueError for a
        capture without packets, such as one made by hand, and OSError.
        """
        marks = [step.packet for step in self.steps if step.packet]
        if len(self._packets) != len(self):
            raise ValueError(
                f"{len(self)} segments and no packets: only a real capture can be saved"
            )
        write(path, sorted([*self._packets, *marks]))

    def _only(self, wanted: Callable[[Segment], bool]) -> "Capture":
        kept = [wanted(segment) for segment in self]
        left = [at for at, keep in enumerate(kept) if keep]
        return Capture(
            compress(self, kept),
            packets=compress(self._packets, kept),
            steps=[step._replace(segments=bisect_left(left, step.segments)) for step in self.steps],
            result=self.result,
            left_out=self.left_out,
        )

    @overload
    def __getitem__(self, which: int) -> Segment: ...
    @overload
    def __getitem__(self, which: slice) -> tuple[Segment, ...]: ...
    def __getitem__(self, which: int | slice) -> Segment | tuple[Segment, ...]:
        return self._segments[which]

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def __len__(self) -> int:
        return len(self._segments)

    def __str__(self) -> str:
        lines = [str(segment) for segment in self] or ["no segments"]
        if self.left_out:
            lines.append(f"segments left out because their SYN was not captured: {self.left_out}")
        return "\n".join(lines)

    __repr__ = __str__


def _may_be_missing(segment: Segment, connected: set[str], finished: set[str]) -> bool:
    """Return True for an acknowledgement that may or may not be sent.

    Add the ends that have acknowledged the other's SYN, or sent FIN, to the two sets.
    """
    sender = segment.sender
    ends_handshake = segment.ack == 1 and sender not in connected
    ends_close = finished >= {sender, segment.receiver}
    connected.update({sender} if segment.has("ACK") else ())
    finished.update({sender} if segment.has("FIN") else ())
    is_bare = segment.flags == "ACK" and not segment.nbytes
    return is_bare and not ends_handshake and not ends_close
