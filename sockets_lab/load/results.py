"""What a load measured, and if the client was the bottleneck."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sockets_lab.load.latencies import Latencies

__all__ = ["Result", "bottleneck"]

_ALL_THE_TIME: Final = 0.9
_WELL_BELOW: Final = 0.8
_OFTEN_LATE: Final = 0.01


class Result(NamedTuple):
    """What one load measured, without its warm-up.

    `load` is "closed loop", "open loop" or "churn", over `connections` connections (of churn: in
    all), with requests of `size` bytes. Of `wanted` messages, `asked` were sent (of an open loop:
    due) and `messages` answered, within `seconds` seconds from the first request to the last reply.

    `latencies` count from when a request was sent (churn: from `connect()`) to the last byte of its
    reply; `corrected`, of an open loop, from when it was due, so that the wait for a free
    connection is in it. Both hold every message that was answered, and no other. `late` requests
    were sent over a millisecond late although a connection was free.

    `client_cpu_s` and `server_cpu_s` are CPU seconds, user and system; the server's is None if the
    load ran without `server`. `client_busy` and `server_busy` are shares of the time in
    which they were on a core or waited for one (of a server of several threads: their sum).

    `lost` counts connections that ended meanwhile, by what ended them. `bottleneck` explains why
    the client limited the result, and not the server; "" if nothing points that way.
    """

    load: str
    connections: int
    size: int
    wanted: int
    asked: int
    seconds: float
    latencies: Latencies
    corrected: Latencies | None
    late: int
    client_cpu_s: float
    client_busy: float
    server_cpu_s: float | None
    server_busy: float | None
    lost: Mapping[str, int]
    bottleneck: str

    @property
    def messages(self) -> int:
        """Return how many messages were answered, each counted in the histograms."""
        return self.latencies.count

    @property
    def unanswered(self) -> int:
        """Return how many messages were sent, or due, and not answered by the end."""
        return self.asked - self.messages

    @property
    def messages_per_s(self) -> float:
        """Return the throughput: messages answered per second."""
        return self.messages / self.seconds

    @property
    def client_cpu_s_per_message(self) -> float:
        """Return the CPU seconds of the client for one message."""
        return self.client_cpu_s / self.messages

    @property
    def server_cpu_s_per_message(self) -> float:
        """Return the CPU seconds of the server for one message.

        ValueError if the load ran without `server`.
        """
        if self.server_cpu_s is None:
            raise ValueError("the server's CPU time was not measured: call run_load() with server=")
        return self.server_cpu_s / self.messages

    def __str__(self) -> str:
        over = f"{self.load} over {self.connections} connection{'s' * (self.connections != 1)}"
        if self.messages == self.wanted:
            return f"{over}: all {self.wanted} messages were answered"
        why = "connections were lost" if self.lost else "the deadline came first"
        return f"{over}: not all of {self.wanted} messages were answered: {why}"


def bottleneck(
    client_busy: float, server_busy: float | None, late: int = 0, messages: int = 1
) -> str:
    """Explain why the client was the bottleneck; return "" if nothing points that way.

    The client is the bottleneck of a closed loop if it had work (nearly) all the time and the
    server did not: a faster client would have got more out of this server. An open loop has failed
    if requests were sent late although a connection was free; more than one in a hundred spoils the
    99th percentile.
    """
    if late > _OFTEN_LATE * messages:
        return (
            "the client: more than one request in a hundred was sent late although a connection "
            "was free; this machine is too busy, or the rate too high"
        )
    if client_busy < _ALL_THE_TIME:
        return ""
    if server_busy is None:
        return (
            "perhaps the client: it had work all the time; give server= to see if the server had "
            "work all the time, too"
        )
    if server_busy < _WELL_BELOW:
        return "the client: it had work all the time, and the server did not"
    return ""
