"""Three ways to load a server: closed loop, open loop, and connection after connection.

- **Closed loop**: each client sends the next request as soon as it has its reply. A server that
  stalls stops its own load, so the requests that would have met the stall are never sent, and never
  measured: *coordinated omission*.
- **Open loop**: requests are due at set times, whatever the server does, as from independent users.
  A request that finds no free connection waits, and its latency counts from when it was due.
  Counting from when it was sent would leave that wait out, too.
- **Churn**: connect, send one request, close, and again.

Each loop is bounded in count and in time: after `until_ns` no request is sent, and after
`give_up_ns` no reply is waited for. Requests under way in between count: leaving them out would
leave out the slowest. Latencies are in nanoseconds, one a message; they are put into histograms
afterwards, when the clock has stopped.
"""

from array import array
from collections import deque
from time import perf_counter_ns
from typing import Final, NamedTuple

from sockets_lab.load.client_pool import ClientPool
from sockets_lab.load.clients import Client
from sockets_lab.load.connecting import Source

__all__ = ["Timings", "run_churn", "run_closed_loop", "run_open_loop"]

LATE_NS: Final = 1_000_000
"""A request that could be sent and was not for a millisecond was sent late."""

_NS: Final = 1e-9


class Timings(NamedTuple):
    """Latencies in nanoseconds, one for each message that was answered.

    `sent` counts from when the request was sent, `intended` from when it was due (open loop, in
    the same order; else empty). `asked` requests were sent, or due and could not be sent; `late` of
    them were sent late although a connection was free.
    """

    asked: int
    sent: "array[int]"
    intended: "array[int]"
    late: int = 0


def run_closed_loop(pool: ClientPool, messages: int, until_ns: int, give_up_ns: int) -> Timings:
    """Let every client send again when it has its reply, until `messages` requests were sent."""
    took, now, ready = array("q"), perf_counter_ns, pool.ready
    first = pool.clients()[:messages]
    asked = len(first)
    under_way = sum(_send(pool, client, now()) for client in first)
    while under_way and (left_ns := give_up_ns - now()) > 0:
        for client in ready(left_ns * _NS):
            try:
                if client.receive():
                    received_ns = now()
                    took.append(received_ns - client.sent_ns)
                    if asked < messages and received_ns < until_ns:
                        asked += 1
                        client.send_request(received_ns)
                    else:
                        under_way -= 1
            except (OSError, EOFError) as error:
                under_way -= pool.lose(client, error)
    return Timings(asked, took, array("q"))


def run_open_loop(pool: ClientPool, messages: int, every_ns: float, give_up_ns: int) -> Timings:
    """Send a request every `every_ns` nanoseconds, over any connection that is free."""
    schedule = _Schedule(pool, messages, every_ns)
    sent, intended, now = array("q"), array("q"), perf_counter_ns
    while schedule.goes_on() and (left_ns := give_up_ns - now()) > 0:
        schedule.send_due()
        for client in pool.ready(min(left_ns, schedule.pause_ns()) * _NS):
            try:
                if client.receive():
                    received_ns = now()
                    sent.append(received_ns - client.sent_ns)
                    intended.append(received_ns - client.intended_ns)
                    schedule.received(client, received_ns)
            except (OSError, EOFError) as error:
                schedule.lost(client, error)
    return Timings(messages, sent, intended, schedule.late)


class _Schedule:
    """The times at which requests are due, and the clients that are free to send them."""

    def __init__(self, pool: ClientPool, messages: int, every_ns: float) -> None:
        self.late = 0
        self._pool, self._messages, self._every_ns = pool, messages, every_ns
        self._asked = self._under_way = 0
        self._free = deque(pool.clients())
        self._start_ns = perf_counter_ns()
        for client in self._free:
            client.free_ns = self._start_ns

    def goes_on(self) -> bool:
        """Return True if a reply is to come, or a request to be sent and a client can send it."""
        return bool(self._under_way or (self._asked < self._messages and self._free))

    def pause_ns(self) -> float:
        """Return the nanoseconds until a client can send a request that is due; at least 0."""
        if self._asked == self._messages or not self._free:
            return float("inf")
        return max(0.0, self._due_ns() - perf_counter_ns())

    def send_due(self) -> None:
        """Send all requests that are due, as far as clients are free."""
        while self._free and self._asked < self._messages:
            due_ns, now_ns = self._due_ns(), perf_counter_ns()
            if due_ns > now_ns:
                return
            client = self._free.popleft()
            client.intended_ns = due_ns
            self.late += now_ns - max(due_ns, client.free_ns) > LATE_NS
            self._asked += 1
            self._under_way += _send(self._pool, client, now_ns)

    def received(self, client: Client, now_ns: int) -> None:
        """Note that a client has its reply."""
        client.free_ns = now_ns
        self._under_way -= 1
        self._free.append(client)

    def lost(self, client: Client, error: OSError | EOFError) -> None:
        """Note that a client's connection has ended."""
        if self._pool.lose(client, error):
            self._under_way -= 1
        else:
            self._free.remove(client)

    def _due_ns(self) -> int:
        return self._start_ns + int(self._asked * self._every_ns)


def run_churn(
    pool: ClientPool, connections: int, at_once: int, until_ns: int, give_up_ns: int
) -> Timings:
    """Connect, send a request, close, `connections` times, with `at_once` under way together."""
    took, now, asked = array("q"), perf_counter_ns, min(at_once, connections)
    sources = pool.sources(connections)
    under_way = sum(_begin(pool, source) for source in sources[:asked])
    while under_way and (left_ns := give_up_ns - now()) > 0:
        for client in pool.ready(left_ns * _NS):
            try:
                if not client.receive():
                    continue
                took.append(now() - client.sent_ns)
                pool.dismiss(client)
            except (OSError, EOFError) as error:
                pool.lose(client, error)
            under_way -= 1
            if asked < connections and now() < until_ns:
                under_way += _begin(pool, sources[asked])
                asked += 1
    return Timings(asked, took, array("q"))


def _begin(pool: ClientPool, source: Source) -> bool:
    """Start a connection and send a request; return True if it is under way."""
    began_ns = perf_counter_ns()
    return _send(pool, pool.start(source), began_ns)


def _send(pool: ClientPool, client: Client, now_ns: int) -> bool:
    """Let a client send its request; return True if it is under way."""
    try:
        client.send_request(now_ns)
    except OSError as error:
        pool.lose(client, error)
        return False
    return True
