"""The three ways to load a server: closed loop, open loop, and connection after connection.

- **Closed loop**: each client asks again as soon as it has its reply. A server that stalls stops
  its own load, so the requests that would have met the stall are never sent, and never measured.
- **Open loop**: requests are due at set times, whatever the server does, as from people who know
  nothing of each other. A request that finds no free connection waits, and its latency counts from
  when it was due. Counting from when it was sent leaves that wait out: *coordinated omission*.
- **Churn**: connect, ask once, close, and again.

Each loop takes a `ClientPool` of clients and is bounded in count and in time: after `until_ns`
nothing
more is asked, and after `give_up_ns` no reply is waited for. What is under way in between counts,
for to leave it out would leave out the slowest. Latencies come back in nanoseconds, one a message;
they are put into histograms afterwards, when the clock has stopped.
"""

from array import array
from collections import deque
from time import perf_counter_ns
from typing import Final, NamedTuple

from sockets_lab.load.client_pool import ClientPool
from sockets_lab.load.clients import Client
from sockets_lab.load.connecting import Source

__all__ = ["Timings", "churning", "closed", "opened"]

LATE_NS: Final = 1_000_000
"""A request that could have left and did not for a millisecond, left late."""

_NS: Final = 1e-9


class Timings(NamedTuple):
    """Latencies in nanoseconds, one for each message that was answered.

    `sent` counts from when the request was sent, `intended` from when it was due (open loop, in
    the same order; else empty). `asked` requests were sent, or due and could not be sent; `late` of
    them left late although a connection was free.
    """

    asked: int
    sent: "array[int]"
    intended: "array[int]"
    late: int = 0


def closed(crowd: ClientPool, messages: int, until_ns: int, give_up_ns: int) -> Timings:
    """Let every client ask again as soon as it is answered, until so many messages were asked."""
    took, now, ready = array("q"), perf_counter_ns, crowd.ready
    first = crowd.clients()[:messages]
    asked = len(first)
    under_way = sum(_ask(crowd, client, now()) for client in first)
    while under_way and (left_ns := give_up_ns - now()) > 0:
        for client in ready(left_ns * _NS):
            try:
                if client.hear():
                    heard_ns = now()
                    took.append(heard_ns - client.asked_ns)
                    if asked < messages and heard_ns < until_ns:
                        asked += 1
                        client.ask(heard_ns)
                    else:
                        under_way -= 1
            except (OSError, EOFError) as error:
                under_way -= crowd.lose(client, error)
    return Timings(asked, took, array("q"))


def opened(crowd: ClientPool, messages: int, every_ns: float, give_up_ns: int) -> Timings:
    """Ask one message every `every_ns` nanoseconds, over whichever connection is free."""
    schedule = _Schedule(crowd, messages, every_ns)
    sent, intended, now = array("q"), array("q"), perf_counter_ns
    while schedule.goes_on() and (left_ns := give_up_ns - now()) > 0:
        schedule.ask_what_is_due()
        for client in crowd.ready(min(left_ns, schedule.pause_ns()) * _NS):
            try:
                if client.hear():
                    heard_ns = now()
                    sent.append(heard_ns - client.asked_ns)
                    intended.append(heard_ns - client.intended_ns)
                    schedule.heard(client, heard_ns)
            except (OSError, EOFError) as error:
                schedule.lost(client, error)
    return Timings(messages, sent, intended, schedule.late)


class _Schedule:
    """Which request is due when, and which clients are free to send it."""

    def __init__(self, crowd: ClientPool, messages: int, every_ns: float) -> None:
        self.late = 0
        self._crowd, self._messages, self._every_ns = crowd, messages, every_ns
        self._asked = self._under_way = 0
        self._free = deque(crowd.clients())
        self._start_ns = perf_counter_ns()
        for client in self._free:
            client.free_ns = self._start_ns

    def goes_on(self) -> bool:
        """Whether a reply is to come, or a request to go and a client there to send it."""
        return bool(self._under_way or (self._asked < self._messages and self._free))

    def pause_ns(self) -> float:
        """Nanoseconds until a request is due that a client could send; at least 0."""
        if self._asked == self._messages or not self._free:
            return float("inf")
        return max(0.0, self._due_ns() - perf_counter_ns())

    def ask_what_is_due(self) -> None:
        """Send all that is due, as far as there are clients."""
        while self._free and self._asked < self._messages:
            due_ns, now_ns = self._due_ns(), perf_counter_ns()
            if due_ns > now_ns:
                return
            client = self._free.popleft()
            client.intended_ns = due_ns
            self.late += now_ns - max(due_ns, client.free_ns) > LATE_NS
            self._asked += 1
            self._under_way += _ask(self._crowd, client, now_ns)

    def heard(self, client: Client, now_ns: int) -> None:
        """Note that a client has its reply."""
        client.free_ns = now_ns
        self._under_way -= 1
        self._free.append(client)

    def lost(self, client: Client, error: OSError | EOFError) -> None:
        """Note that a client's connection has ended."""
        if self._crowd.lose(client, error):
            self._under_way -= 1
        else:
            self._free.remove(client)

    def _due_ns(self) -> int:
        return self._start_ns + int(self._asked * self._every_ns)


def churning(
    crowd: ClientPool, connections: int, at_once: int, until_ns: int, give_up_ns: int
) -> Timings:
    """Connect, ask, close, so many times; `at_once` of them are under way at any moment."""
    took, now, asked = array("q"), perf_counter_ns, min(at_once, connections)
    sources = crowd.sources(connections)
    under_way = sum(_begin(crowd, source) for source in sources[:asked])
    while under_way and (left_ns := give_up_ns - now()) > 0:
        for client in crowd.ready(left_ns * _NS):
            try:
                if not client.hear():
                    continue
                took.append(now() - client.asked_ns)
                crowd.dismiss(client)
            except (OSError, EOFError) as error:
                crowd.lose(client, error)
            under_way -= 1
            if asked < connections and now() < until_ns:
                under_way += _begin(crowd, sources[asked])
                asked += 1
    return Timings(asked, took, array("q"))


def _begin(crowd: ClientPool, source: Source) -> bool:
    """Start a connection and ask over it; tell whether it is under way."""
    began_ns = perf_counter_ns()
    return _ask(crowd, crowd.start(source), began_ns)


def _ask(crowd: ClientPool, client: Client, now_ns: int) -> bool:
    """Let a client ask; tell whether its request is under way."""
    try:
        client.ask(now_ns)
    except OSError as error:
        crowd.lose(client, error)
        return False
    return True
