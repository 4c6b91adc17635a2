"""Load specifications: how many clients, what they send, how often and for how long.

Every field is checked when a specification is made: ValueError or TypeError for what is out of
bounds. Each kind has three properties: `wanted`, the number of requests that are counted,
`warm_up_requests`, those that are sent before and not counted, and `sending_s`, the seconds after
which no request is sent.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from sockets_lab.load.bounds import (
    MOST_BYTES,
    MOST_CONNECTIONS,
    MOST_MESSAGES,
    count_within,
    seconds_within,
)
from sockets_lab.load.clients import Exchange

__all__ = ["Churn", "ClosedLoop", "LoadSpec", "OpenLoop"]

_LEAST_WARM_UP: Final = 100


@dataclass(frozen=True, kw_only=True)
class _Common:
    """Fields of every load, described in `ClosedLoop`."""

    connections: int
    size: int = 64
    request: bytes | None = None
    reply: bytes | None = None
    grace_s: float = 1.0

    name: ClassVar[str]
    most_connections: ClassVar[int] = MOST_CONNECTIONS

    def __post_init__(self) -> None:
        count_within("connections", self.connections, self.most_connections)
        count_within("size", self.size, MOST_BYTES)
        for name, given in (("request", self.request), ("reply", self.reply)):
            if given is not None:
                count_within(f"the length of {name}", len(given), MOST_BYTES)
        seconds_within("grace_s", self.grace_s)

    @property
    def exchange(self) -> Exchange:
        """Return what each client sends and expects."""
        return Exchange(self.size, self.request, self.reply)

    @property
    def wanted(self) -> int:
        return self.connections


@dataclass(frozen=True, kw_only=True)
class _Counted(_Common):
    """A load that ends after a number of requests."""

    warm_up: int | None = None
    deadline_s: float = 30.0

    def __post_init__(self) -> None:
        super().__post_init__()
        count_within("warm_up", self.warm_up_requests, MOST_MESSAGES, least=0)
        seconds_within("deadline_s", self.deadline_s)

    @property
    def warm_up_requests(self) -> int:
        return max(_LEAST_WARM_UP, self.wanted // 10) if self.warm_up is None else self.warm_up

    @property
    def sending_s(self) -> float:
        return self.deadline_s


@dataclass(frozen=True, kw_only=True)
class ClosedLoop(_Counted):
    """Clients that each send the next request as soon as they have their reply.

    connections: how many clients, each with one request under way
    messages: how many requests are counted, over all connections
    size: bytes of a request to an echo server; each client sends different bytes, so that a reply
        meant for another client is noticed
    request, reply: what is sent, and what must come back, if the server does more than echo
    warm_up: requests sent before, and not counted; default: a tenth of `messages`, at least 100
    deadline_s: seconds after which no request is sent
    grace_s: seconds after that in which replies are still waited for
    """

    messages: int

    name: ClassVar[str] = "closed loop"

    def __post_init__(self) -> None:
        count_within("messages", self.messages, MOST_MESSAGES)
        super().__post_init__()

    @property
    def wanted(self) -> int:
        return self.messages


@dataclass(frozen=True, kw_only=True)
class Churn(_Counted):
    """Clients that connect, send one request, and close when they have their reply.

    connections: how many are counted
    at_once: how many are under way at any moment
    warm_up: requests sent before, and not counted; default: a tenth of `connections`, at least 100

    The other fields are as for `ClosedLoop`. Latencies count from `connect()`. The clients close
    first, so the connections rest in TIME_WAIT on their side: they come from many source addresses,
    and no port runs out.
    """

    at_once: int = 16

    name: ClassVar[str] = "churn"
    most_connections: ClassVar[int] = MOST_MESSAGES

    def __post_init__(self) -> None:
        super().__post_init__()
        count_within("at_once", self.at_once, MOST_CONNECTIONS)


@dataclass(frozen=True, kw_only=True)
class OpenLoop(_Common):
    """Requests that are due at set times, whatever the server does.

    rate: requests a second, evenly spaced, over any connection that is free
    seconds: how long; `rate * seconds` requests are counted
    warm_up_s: seconds at the same rate before, not counted
    grace_s: seconds after the last request was due in which replies are still waited for

    The other fields are as for `ClosedLoop`. The result's `latencies` count from when a request was
    sent, `corrected` from when it was due.
    """

    rate: float
    seconds: float
    warm_up_s: float = 0.25
    grace_s: float = 5.0

    name: ClassVar[str] = "open loop"

    def __post_init__(self) -> None:
        super().__post_init__()
        seconds_within("seconds", self.seconds)
        if not self.rate > 0:
            raise ValueError(f"rate is {self.rate!r}: give requests a second, above 0")
        count_within("rate * seconds", self.wanted, MOST_MESSAGES)
        count_within("rate * warm_up_s", self.warm_up_requests, MOST_MESSAGES, least=0)

    @property
    def wanted(self) -> int:
        return round(self.rate * self.seconds)

    @property
    def warm_up_requests(self) -> int:
        return round(self.rate * self.warm_up_s)

    @property
    def sending_s(self) -> float:
        return self.seconds


LoadSpec = ClosedLoop | OpenLoop | Churn
