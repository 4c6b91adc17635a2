"""Hand-made segments like those of a capture, and pictures of them."""

from itertools import accumulate
from typing import NamedTuple

from sockets_lab.figures import Picture, packet_ladder


class Sent(NamedTuple):
    """A captured segment."""

    sender: str
    receiver: str
    flags: str
    nbytes: int = 0
    again: bool = False
    at_s: float = 0.0


class Step(NamedTuple):
    """What was done, and the segments captured until then."""

    words: str
    segments: int


class Marked(list[Sent]):
    """A capture with marks: (what was done, how many segments had passed)."""

    steps: tuple[Step, ...] = ()


def handshake(number: int = 1) -> list[Sent]:
    client, connection = f"client {number}", f"connection {number}"
    asks = Sent(client, connection, "SYN"), Sent(connection, client, "SYN ACK", at_s=0.00002)
    return [*asks, Sent(client, connection, "ACK", at_s=0.00003)]


def segments(*flags: str) -> list[Sent]:
    """Return a connection: "< FIN ACK" is sent by the connection, "> 5" is 5 bytes of client 1."""
    made = handshake()
    for at, words in enumerate(flags, 1):
        ends = ("connection 1", "client 1") if words[0] == "<" else ("client 1", "connection 1")
        data = int(words[2:]) if words[2:].isdigit() else 0
        made.append(Sent(*ends, "PSH ACK" if data else words[2:], data, at_s=0.4 * at))
    return made


CLOSING = ("> 5", "< ACK", "< 5", "> ACK", "> FIN ACK", "< ACK", "< FIN ACK", "> ACK")


def states_of(*changes: dict[str, str]) -> list[dict[str, str]]:
    """Return the states after each segment, from what each segment changed."""
    return [
        {role.replace("_", " "): state for role, state in after.items()}
        for after in accumulate(changes, lambda before, now: before | now)
    ]


OPENED = (
    {"client_1": "SYN_SENT", "connection_1": "SYN_RECV"},
    {"client_1": "ESTABLISHED"},
    {"connection_1": "ESTABLISHED"},
)


def closed() -> Picture:
    """Draw a whole connection, and what was done at each of its stages."""
    capture = Marked(segments(*CLOSING))
    steps = [("the client connects", 3), ("the client sends its request", 5), ("nothing at all", 5)]
    capture.steps = tuple(Step(*step) for step in [*steps, ("the server replies", 7)])
    ending = (
        {"client_1": "FIN_WAIT_1", "connection_1": "CLOSE_WAIT"},
        {"client_1": "FIN_WAIT_2"},
        {"client_1": "TIME_WAIT", "connection_1": "LAST_ACK"},
        {"connection_1": "CLOSED"},
    )
    return packet_ladder(capture, states=states_of(*OPENED, {}, {}, {}, {}, *ending))


def knocking() -> Picture:
    """Draw a full queue: one client gets in, three others send SYN twice without an answer."""
    made = handshake()
    for again in (False, True):
        ends = [(f"client {at}", "listener") for at in (2, 3, 4)]
        made += [Sent(*pair, "SYN", again=again, at_s=1.0 * again) for pair in ends]
    unanswered = [{"client_2": "SYN_SENT", "listener": "LISTEN"}]
    unanswered += [{f"client_{at}": "SYN_SENT"} for at in (3, 4)]
    return packet_ladder(made, states=states_of(*OPENED, *unanswered, {}, {}, {}))


def refused() -> Picture:
    made = [Sent("client 1", "closed port", "SYN"), Sent("closed port", "client 1", "RST ACK")]
    changes = {"client_1": "SYN_SENT", "closed_port": "CLOSED"}, {"client_1": "CLOSED"}
    return packet_ladder(made, states=states_of(*changes))


def one_segment() -> Picture:
    return packet_ladder(handshake()[:1])


def a_long_transfer() -> Picture:
    return packet_ladder(segments(*["> 65483", "< ACK"] * 40, "< RST"))
