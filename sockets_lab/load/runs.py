"""The loads as a notebook calls them: checked here, carried out in a process of its own."""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from sockets_lab.child import call_in_child
from sockets_lab.load.bounds import (
    MOST_BYTES,
    MOST_CONNECTIONS,
    MOST_MESSAGES,
    cores_within,
    count_within,
    seconds_within,
    target_of,
)
from sockets_lab.load.client_pool import Exchange
from sockets_lab.load.results import Result
from sockets_lab.load.running import CONNECT_S, LoadSpec, run_load

__all__ = ["HasPid", "churn", "closed_loop", "open_loop", "pid_of"]

_START_S: Final = 20.0
"""Seconds for the client's process to start and to hand over its result, beside its work."""

_LEAST_WARM_UP: Final = 100


class HasPid(Protocol):
    """A server that says which process it is, as `serving()` gives it."""

    @property
    def pid(self) -> int: ...


def closed_loop(
    address: Sequence[object],
    *,
    connections: int,
    messages: int,
    size: int = 64,
    request: bytes | None = None,
    reply: bytes | None = None,
    warm_up: int | None = None,
    deadline_s: float = 30.0,
    grace_s: float = 1.0,
    server: int | HasPid | None = None,
    cpus: Collection[int] = (),
) -> Result:
    """Load a server by clients that each ask again as soon as they have their reply.

    address: what the listener's `getsockname()` tells; loopback only
    connections: how many clients, each with one request under way
    messages: how many requests are counted, over all connections
    size: bytes of a request to an echo server; each client sends bytes of its own, so that a reply
        that belongs to another is noticed
    request, reply: what is sent, and what must come back, if the server does more than echo
    warm_up: requests sent before, and not counted; a tenth of `messages`, at least 100, if not told
    deadline_s: seconds after which nothing more is asked
    grace_s: seconds after that in which replies are still waited for
    server: the server's process (`serving()` gives it, or its number), to measure its CPU time
    cpus: the numbers of the cores that the client may use (Linux), all if not told

    The client is a process of its own, ended on every way out. ValueError for an address that is
    not loopback and for what is out of bounds, `TooFewDescriptors` among them, and `WrongReply`;
    OSError from the kernel (ECONNREFUSED), TimeoutError if not one message was answered.
    """
    count_within("messages", messages, MOST_MESSAGES)
    warm_up = max(_LEAST_WARM_UP, messages // 10) if warm_up is None else warm_up
    order = LoadSpec(
        load="closed loop",
        target=target_of(address),
        talk=_talk(size, request, reply),
        connections=count_within("connections", connections, MOST_CONNECTIONS),
        messages=messages,
        warm_up=count_within("warm_up", warm_up, MOST_MESSAGES, least=0),
        deadline_s=seconds_within("deadline_s", deadline_s),
        grace_s=seconds_within("grace_s", grace_s),
        server_pid=pid_of(server),
        cpus=cores_within(cpus),
    )
    return _carry_out_apart(order)


def open_loop(
    address: Sequence[object],
    *,
    rate: float,
    seconds: float,
    connections: int,
    size: int = 64,
    request: bytes | None = None,
    reply: bytes | None = None,
    warm_up_s: float = 0.25,
    grace_s: float = 5.0,
    server: int | HasPid | None = None,
    cpus: Collection[int] = (),
) -> Result:
    """Load a server by requests that are due at set times, whatever it does.

    rate: requests a second, evenly spaced, over whichever connection is free
    seconds: how long; `rate * seconds` requests are counted
    warm_up_s: seconds at the same rate before, not counted
    grace_s: seconds after the last request was due in which replies are still waited for

    The other arguments, what is raised and how it ends are as for `closed_loop`. The result's
    `latencies` count from when a request was sent, `corrected` from when it was due.
    """
    seconds = seconds_within("seconds", seconds)
    messages = _due("rate * seconds", rate, seconds)
    order = LoadSpec(
        load="open loop",
        target=target_of(address),
        talk=_talk(size, request, reply),
        connections=count_within("connections", connections, MOST_CONNECTIONS),
        messages=messages,
        warm_up=_due("rate * warm_up_s", rate, warm_up_s, least=0),
        deadline_s=seconds,
        grace_s=seconds_within("grace_s", grace_s),
        every_s=1 / rate,
        server_pid=pid_of(server),
        cpus=cores_within(cpus),
    )
    return _carry_out_apart(order)


def churn(
    address: Sequence[object],
    *,
    connections: int,
    at_once: int = 16,
    size: int = 64,
    request: bytes | None = None,
    reply: bytes | None = None,
    warm_up: int | None = None,
    deadline_s: float = 30.0,
    grace_s: float = 1.0,
    server: int | HasPid | None = None,
    cpus: Collection[int] = (),
) -> Result:
    """Load a server by clients that connect, ask once, and close.

    connections: how many are counted; at_once: how many are under way at any moment

    The other arguments, what is raised and how it ends are as for `closed_loop`. Latencies count
    from `connect()`. The clients close first, so the connections rest in TIME_WAIT on their side:
    they come from many source addresses, and no port runs out.
    """
    connections = count_within("connections", connections, MOST_MESSAGES)
    warm_up = max(_LEAST_WARM_UP, connections // 10) if warm_up is None else warm_up
    order = LoadSpec(
        load="churn",
        target=target_of(address),
        talk=_talk(size, request, reply),
        connections=connections,
        messages=connections,
        warm_up=count_within("warm_up", warm_up, MOST_MESSAGES, least=0),
        deadline_s=seconds_within("deadline_s", deadline_s),
        grace_s=seconds_within("grace_s", grace_s),
        at_once=count_within("at_once", at_once, MOST_CONNECTIONS),
        server_pid=pid_of(server),
        cpus=cores_within(cpus),
    )
    return _carry_out_apart(order)


def pid_of(server: int | HasPid | None) -> int | None:
    """The number of the server's process; None if the load is not told."""
    return server if server is None or isinstance(server, int) else server.pid


def _talk(size: int, request: bytes | None, reply: bytes | None) -> Exchange:
    count_within("size", size, MOST_BYTES)
    for name, given in (("request", request), ("reply", reply)):
        if given is not None:
            count_within(f"the length of {name}", len(given), MOST_BYTES)
    return Exchange(size, request, reply)


def _due(name: str, rate: float, seconds: float, least: int = 1) -> int:
    if not rate > 0:
        raise ValueError(f"rate is {rate!r}: give requests a second, above 0")
    return count_within(name, round(rate * seconds), MOST_MESSAGES, least)


def _carry_out_apart(order: LoadSpec) -> Result:
    deadline_s = _START_S + CONNECT_S + 2 * (order.deadline_s + order.grace_s)
    return call_in_child(run_load, order, deadline_s=deadline_s)
