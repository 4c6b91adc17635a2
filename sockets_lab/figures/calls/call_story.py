"""Turn recorded calls into a story of their sockets: what came first, what led to what.

Nothing is drawn here. Calls become rows, in the order of time. With them come what passed from
socket to socket (`Arrow`), the kernel's states where they change (`Mark`), and for each socket the
stretches in which it had a descriptor, waited in a call, or held unread bytes (`Stretch`).

Bytes are paired as TCP does it: what one end sends, the other end reads in the same order, however
it is cut (RFC 9293, 3.4). On loopback bytes arrive immediately, so an arrow ends in the other
socket's buffer, and the bytes stay there until a `recv` takes them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from sockets_lab.figures.canvas.palette import kind_of
from sockets_lab.recording import Call

__all__ = [
    "RECEIVING",
    "SENDING",
    "Arrow",
    "CallStory",
    "Height",
    "Mark",
    "Row",
    "Stretch",
    "lanes_of",
    "story_of",
]

SENDING = frozenset({"send", "sendall", "sendto", "sendmsg", "sendfile"})
RECEIVING = frozenset({"recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg"})
WAITING = RECEIVING | {"accept"}

_LONG_S = 0.02
"""A call that took this long is drawn as one that waited."""

_ORDER = {"client": 0, "listener": 1, "connection": 2, "datagram": 3}


class Row(NamedTuple):
    """One line of time: a call that begins, one that ends, or (mostly) both."""

    call: Call
    begins: bool
    ends: bool

    @property
    def waited(self) -> bool:
        """Return True if the call took long while nothing else happened."""
        return self.begins and self.ends and self.call.waited_s >= _LONG_S


class Height(NamedTuple):
    """The line of row `row` or, if `after`, the band of arrows and states under it."""

    row: int
    after: bool


class Arrow(NamedTuple):
    """Something that passed from one socket to another, in the band under `row`."""

    row: int
    source: str
    target: str
    label: str
    kind: Literal["handshake", "bytes", "end", "reset", "descriptor"]


class Mark(NamedTuple):
    """A kernel state that begins in the band under `row`."""

    row: int
    role: str
    state: str
    descriptor: bool


class Stretch(NamedTuple):
    """A condition of a socket from `start` to `end`; None is the picture's upper or lower edge."""

    role: str
    kind: Literal["descriptor", "kernel", "waits", "unread"]
    start: Height | None
    end: Height | None
    ends: bool = False
    """True if the socket itself ends here."""


class CallStory(NamedTuple):
    """The content of a picture of calls."""

    lanes: tuple[str, ...]
    rows: tuple[Row, ...]
    arrows: tuple[Arrow, ...]
    marks: tuple[Mark, ...]
    stretches: tuple[Stretch, ...]

    @property
    def threaded(self) -> bool:
        """Return True if more than one thread took part."""
        return len({row.call.thread for row in self.rows}) > 1

    @property
    def early(self) -> set[str]:
        """Return the connections that existed before they had a descriptor."""
        first: dict[str, str] = {}
        for stretch in self.stretches:
            if stretch.kind in {"descriptor", "kernel"}:
                first.setdefault(stretch.role, stretch.kind)
        return {role for role, kind in first.items() if kind == "kernel"}

    def mark(self, row: int, role: str) -> Mark | None:
        """Return the state that begins at `role` under `row`, if one does."""
        return next((m for m in self.marks if (m.row, m.role) == (row, role)), None)


def lanes_of(calls: Iterable[Call]) -> tuple[str, ...]:
    """Return every role that takes part: clients, then listeners, then connections, then others."""
    roles: dict[str, None] = {}
    for call in calls:
        roles.update(dict.fromkeys([call.role, *(call.states or ())]))
        roles.update(dict.fromkeys(_opened(call)))
    return tuple(sorted(roles, key=lambda role: (_ORDER.get(kind_of(role), 4), _number(role))))


def _number(role: str) -> tuple[int, str]:
    last = role.rpartition(" ")[2]
    return (int(last), "") if last.isdigit() else (0, role)


def _connected(call: Call) -> list[str]:
    """Return the connection that a `connect()` to a listener made, accepted or not."""
    to_listener = call.name in {"connect", "connect_ex"} and "listener" in call.arguments
    made = call.finished and not call.error and call.result in {"", "0"}
    if to_listener and made and call.role.startswith("client "):
        return [call.role.replace("client", "connection", 1)]
    return []


def _opened(call: Call) -> list[str]:
    """Return the connection that this call made, or returned a descriptor for."""
    return [call.accepted] if call.accepted else _connected(call)


def story_of(calls: Iterable[Call]) -> CallStory:
    """Return the story of `calls`."""
    known = list(calls)
    builder = _StoryBuilder(tuple(_rows(known)), lanes_of(known))
    for at, row in enumerate(builder.rows):
        builder.add(at, row)
    return builder.end()


def _rows(calls: list[Call]) -> Iterator[Row]:
    """Yield the rows in order of time; a call during which others began takes two of them."""
    moments: list[tuple[float, int, Row]] = []
    for call in calls:
        if not call.finished:
            moments.append((call.started_s, call.number, Row(call, True, False)))
        elif _spans(call, calls):
            moments.append((call.started_s, call.number, Row(call, True, False)))
            moments.append((call.ended_s, call.number, Row(call, False, True)))
        else:
            moments.append((call.started_s, call.number, Row(call, True, True)))
    yield from (row for _, _, row in sorted(moments, key=lambda moment: moment[:2]))


def _spans(call: Call, calls: list[Call]) -> bool:
    during = any(call.started_s < other.started_s < call.ended_s for other in calls)
    return during and (call.name in WAITING or call.waited_s >= _LONG_S)


class _Socket:
    """The state of one socket at this point of the story."""

    def __init__(self) -> None:
        self.kind: Literal["descriptor", "kernel"] | None = None
        self.since: Height | None = None
        self.state = ""
        self.ended = False
        self.sent_end = False
        self.waits: dict[int, Height] = {}  # by number of the call: since when
        self.unread: list[tuple[Height, int]] = []


class _StoryBuilder:
    """A story that grows row by row."""

    def __init__(self, rows: tuple[Row, ...], lanes: tuple[str, ...]) -> None:
        self.rows, self.lanes = rows, lanes
        self.sockets = {role: _Socket() for role in lanes}
        self.partner = _partners(lanes, [row.call for row in rows])
        self.arrows: list[Arrow] = []
        self.marks: list[Mark] = []
        self.stretches: list[Stretch] = []

    def add(self, at: int, row: Row) -> None:
        """Add what row number `at` changes."""
        call, me = row.call, self.sockets[row.call.role]
        if me.kind is None and not me.ended:
            self._become(
                call.role, "descriptor", Height(at, False) if call.name == "socket" else None
            )
        if row.begins and not row.ends:
            me.waits[call.number] = Height(at, False)
        if row.ends:
            self._stop_waiting(at, row)
            if not call.error:
                self._effect(at, call)
            self._states(at, call.states or {})

    def _effect(self, at: int, call: Call) -> None:
        if call.name in {"connect", "connect_ex"}:
            self._connect(at, call)
        elif call.name == "accept":
            self._accept(at, call)
        elif call.name in SENDING and call.nbytes:
            self._send(at, call)
        elif call.name in RECEIVING:
            self._receive(at, call)
        elif call.name == "shutdown" and call.arguments != "SHUT_RD":
            self._send_end(at, call.role)
        elif call.name in {"close", "detach"}:
            self._close(at, call.role)

    def _become(
        self, role: str, kind: Literal["descriptor", "kernel"] | None, height: Height | None
    ) -> None:
        """Begin another stretch of a socket's life at `height`, and end the one before."""
        me = self.sockets[role]
        if me.kind is not None:
            self.stretches.append(
                Stretch(role, me.kind, me.since, height, bool(height and not kind))
            )
        me.kind, me.since = kind, height
        me.ended = me.ended or kind is None

    def _stop_waiting(self, at: int, row: Row) -> None:
        role, here = row.call.role, Height(at, False)
        since = self.sockets[role].waits.pop(row.call.number, None)
        if since:
            self.stretches.append(Stretch(role, "waits", since, here))
        elif row.waited:
            self.stretches.append(Stretch(role, "waits", here, Height(at, True)))

    def _connect(self, at: int, call: Call) -> None:
        for role in _connected(call):
            self.arrows.append(Arrow(at, call.role, role, "handshake", "handshake"))
            if self.sockets[role].kind is None:
                self._become(role, "kernel", Height(at, True))

    def _accept(self, at: int, call: Call) -> None:
        if call.accepted:
            self.arrows.append(Arrow(at, call.role, call.accepted, "descriptor", "descriptor"))
            self._become(call.accepted, "descriptor", Height(at, True))

    def _send(self, at: int, call: Call) -> None:
        target = self.partner.get(call.role) or _addressee(call, self.lanes)
        if target and call.nbytes and not self.sockets[target].ended:
            label = f"{call.nbytes:,} byte" + "s" * (call.nbytes != 1)
            self.arrows.append(Arrow(at, call.role, target, label, "bytes"))
            self.sockets[target].unread.append((Height(at, True), call.nbytes))

    def _receive(self, at: int, call: Call) -> None:
        me, left = self.sockets[call.role], call.nbytes or 0
        while me.unread and left:
            height, nbytes = me.unread[0]
            if nbytes > left:
                me.unread[0] = (height, nbytes - left)
                return
            left -= nbytes
            me.unread.pop(0)
            self.stretches.append(Stretch(call.role, "unread", height, Height(at, False)))

    def _send_end(self, at: int, role: str, *, reset: bool = False) -> None:
        """Draw the FIN or RST of `role`, unless it sent one before or the other end is closed."""
        me, target = self.sockets[role], self.partner.get(role)
        if me.sent_end or not target or self.sockets[target].ended:
            return
        me.sent_end = True
        kind: Literal["end", "reset"] = "reset" if reset else "end"
        if self.sockets[target].kind:
            self.arrows.append(Arrow(at, role, target, "RST" if reset else "FIN", kind))

    def _close(self, at: int, role: str) -> None:
        me, target = self.sockets[role], self.partner.get(role)
        self._send_end(at, role, reset=bool(me.unread))
        reset, me.unread = bool(me.unread), self._forget(at, role)
        other = self.sockets[target] if target else None
        if other is None or not other.kind or other.sent_end or reset:
            self._become(role, None, Height(at, True))
        elif me.kind == "descriptor":
            self._become(role, "kernel", Height(at, False))

    def _forget(self, at: int, role: str) -> list[tuple[Height, int]]:
        for height, _ in self.sockets[role].unread:
            self.stretches.append(Stretch(role, "unread", height, Height(at, False)))
        return []

    def _states(self, at: int, states: Mapping[str, str]) -> None:
        for role, state in states.items():
            me = self.sockets[role]
            if state == me.state:
                continue
            if me.kind is None and not me.ended:
                early = kind_of(role) == "connection"
                self._become(
                    role, *(("kernel", Height(at, True)) if early else ("descriptor", None))
                )
            me.state = state
            self.marks.append(Mark(at, role, state, me.kind == "descriptor"))
            if state.upper() == "CLOSED" and me.kind == "kernel":
                self._become(role, None, Height(at, True))
        for role in self.sockets.keys() - states.keys():
            if states and self.sockets[role].state and self.sockets[role].kind == "kernel":
                self._become(role, None, Height(at, True))  # the kernel no longer lists it

    def end(self) -> CallStory:
        """Return the story, with all open stretches drawn to the lower edge."""
        for role, me in self.sockets.items():
            if me.kind is not None:
                self._become(role, None, None)
            for since in me.waits.values():
                self.stretches.append(Stretch(role, "waits", since, None))
            for height, _ in me.unread:
                self.stretches.append(Stretch(role, "unread", height, None))
        return CallStory(
            self.lanes, self.rows, tuple(self.arrows), tuple(self.marks), tuple(self.stretches)
        )


def _partners(lanes: tuple[str, ...], calls: list[Call]) -> dict[str, str]:
    """Return for each end of a connection the other end: connection 2 belongs to client 2."""
    pairs: dict[str, str] = {}
    for call in calls:
        for role in _opened(call):
            found = re.search(r" from (.+)'s address", call.result)
            client = found[1] if found else role.replace("connection", "client", 1)
            if client in lanes and client != role:
                pairs |= {role: client, client: role}
    return pairs


def _addressee(call: Call, lanes: tuple[str, ...]) -> str | None:
    """Return the role whose address a `sendto()` names."""
    return next((role for role in lanes if call.arguments.endswith(f"{role}'s address")), None)
