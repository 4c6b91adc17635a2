"""The load client's own process: what it does from its order to its result."""

import gc
import os
import time
from contextlib import ExitStack
from typing import Final, NamedTuple

from sockets_lab.addresses import Endpoint
from sockets_lab.child import Parent, end_group
from sockets_lab.load.client_pool import ClientPool, Exchange
from sockets_lab.load.descriptors import room_for
from sockets_lab.load.latencies import Latencies
from sockets_lab.load.loops import Timings, churning, closed, opened
from sockets_lab.load.results import Result, bottleneck
from sockets_lab.load.usage import Usage, usage, usage_here
from sockets_lab.load.waiting import wake_in_time

__all__ = ["CONNECT_S", "LoadSpec", "run_load"]

CONNECT_S: Final = 30.0
"""Seconds in which all clients must have connected."""

_NS: Final = 1e-9
_NOTHING: Final = Usage(0.0, 0.0)


class LoadSpec(NamedTuple):
    """One load. `warm_up` and `messages` are counts; `every_s` is set for an open loop alone,
    `at_once` for churn alone. After `deadline_s` nothing more is asked, and `grace_s` later no
    reply is waited for: once while warming up, and once again for what is counted.
    """

    load: str
    target: Endpoint
    talk: Exchange
    connections: int
    messages: int
    warm_up: int
    deadline_s: float
    grace_s: float
    every_s: float = 0.0
    at_once: int = 0
    server_pid: int | None = None
    cpus: tuple[int, ...] = ()


def run_load(parent: Parent, order: LoadSpec) -> Result:
    """Warm up, load, and tell what was measured; runs in a process of its own.

    Raises what the kernel says if no connection could be made or kept, TimeoutError if not one
    message was answered.
    """
    parent.when_gone(end_group)
    if order.cpus:
        os.sched_setaffinity(0, order.cpus)
    wake_in_time()
    gc.disable()  # the run is short, makes no cycles, and a collection would look like a stall
    with ExitStack() as held:
        held.enter_context(room_for(order.at_once or order.connections, 1, order.server_pid))
        crowd = held.enter_context(ClientPool(order.target, order.talk))
        if not order.at_once:
            crowd.connect(order.connections, CONNECT_S)
        if order.warm_up:
            _warm_up(crowd, order)
        return _measure(crowd, order)


def _warm_up(crowd: ClientPool, order: LoadSpec) -> None:
    _run(crowd, order, order.warm_up)
    if any(client.busy for client in crowd.clients()):
        raise TimeoutError(
            f"the server had not answered all that was sent to warm up {_in_time(order)}"
        )


def _run(crowd: ClientPool, order: LoadSpec, messages: int) -> Timings:
    until_ns = time.perf_counter_ns() + int(order.deadline_s / _NS)
    give_up_ns = until_ns + int(order.grace_s / _NS)
    if order.at_once:
        return churning(crowd, messages, order.at_once, until_ns, give_up_ns)
    if order.every_s:
        return opened(crowd, messages, order.every_s / _NS, give_up_ns)
    return closed(crowd, messages, until_ns, give_up_ns)


def _in_time(order: LoadSpec) -> str:
    return f"within {order.deadline_s + order.grace_s:g} s"


def _measure(crowd: ClientPool, order: LoadSpec) -> Result:
    server, client = _usage(order.server_pid), usage_here()
    began_ns = time.perf_counter_ns()
    timings = _run(crowd, order, order.messages)
    seconds = (time.perf_counter_ns() - began_ns) * _NS
    client = usage_here().since(client)
    server = _usage(order.server_pid).since(server)
    if not timings.sent:
        raise crowd.first_error or TimeoutError(
            f"not one message was answered {_in_time(order)}: look whether the server runs, and "
            "whether it answers what it is asked"
        )
    return _result(order, timings, seconds, client, server, dict(crowd.lost))


def _usage(pid: int | None) -> Usage:
    return _NOTHING if pid is None else usage(pid)


def _result(
    order: LoadSpec,
    timings: Timings,
    seconds: float,
    client: Usage,
    server: Usage,
    lost: dict[str, int],
) -> Result:
    known = order.server_pid is not None
    client_busy, server_busy = client.busy_s / seconds, server.busy_s / seconds if known else None
    return Result(
        load=order.load,
        connections=order.connections,
        size=len(order.talk.of(0)[0]),
        wanted=order.messages,
        asked=timings.asked,
        seconds=seconds,
        latencies=Latencies.of(timings.sent),
        corrected=Latencies.of(timings.intended) if order.every_s else None,
        late=timings.late,
        client_cpu_s=client.cpu_s,
        client_busy=client_busy,
        server_cpu_s=server.cpu_s if known else None,
        server_busy=server_busy,
        lost=lost,
        bottleneck=bottleneck(client_busy, server_busy, timings.late, order.messages),
    )
