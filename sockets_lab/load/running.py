"""Run a load: check it here, carry it out in a child process, and return what it measured.

A load client in the notebook's process would share its interpreter lock with everything else there
and measure that, too. So the client is a child process, and so may the server be.
"""

import gc
import os
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

from sockets_lab.addresses import Endpoint
from sockets_lab.child import Parent, call_in_child, end_group
from sockets_lab.load.bounds import cores_within, target_of
from sockets_lab.load.client_pool import ClientPool
from sockets_lab.load.descriptors import room_for
from sockets_lab.load.latencies import Latencies
from sockets_lab.load.loops import Timings, run_churn, run_closed_loop, run_open_loop
from sockets_lab.load.results import Result, bottleneck
from sockets_lab.load.specs import Churn, LoadSpec, OpenLoop
from sockets_lab.load.usage import HasPid, Usage, pid_of, usage, usage_here
from sockets_lab.load.waiting import wake_in_time

__all__ = ["run_load"]

_START_S: Final = 20.0
"""Seconds for the client's process to start and to return its result, beside its work."""
_CONNECT_S: Final = 30.0
"""Seconds in which all clients must have connected."""

_NS: Final = 1e-9


def run_load(
    address: Sequence[object],
    spec: LoadSpec,
    *,
    server: int | HasPid | None = None,
    cpus: Collection[int] = (),
) -> Result:
    """Load a server as `spec` says, from a child process, and return what was measured.

    address: what `getsockname()` of the listener returns; loopback only
    spec: a `ClosedLoop`, `OpenLoop` or `Churn`
    server: the server's process (what `serving()` yields, or its number), to measure its CPU time
    cpus: the numbers of the cores that the client may use (Linux); default: all

    The child is ended on every way out. ValueError for an address that is not loopback,
    `TooFewDescriptors` and `WrongReply` (both are one, too); OSError from the kernel
    (ECONNREFUSED), TimeoutError if not one message was answered.
    """
    target, cores = target_of(address), cores_within(cpus)
    deadline_s = _START_S + _CONNECT_S + 2 * (spec.sending_s + spec.grace_s)
    return call_in_child(
        _run_here, target, spec, pid_of(server), cores, deadline_s=deadline_s, name="the load"
    )


# The child's side


def _run_here(
    parent: Parent,
    target: Endpoint,
    spec: LoadSpec,
    server_pid: int | None,
    cpus: tuple[int, ...],
) -> Result:
    parent.when_gone(end_group)
    if cpus:
        os.sched_setaffinity(0, cpus)
    wake_in_time()
    gc.disable()  # the run is short, makes no cycles, and a collection would look like a stall
    with ExitStack() as open_ones:
        open_ones.enter_context(room_for(_most_open(spec), 1, server_pid))
        pool = open_ones.enter_context(ClientPool(target, spec.exchange))
        if not isinstance(spec, Churn):
            pool.connect(spec.connections, _CONNECT_S)
        if spec.warm_up_requests:
            _warm_up(pool, spec)
        return _measure(pool, spec, server_pid)


def _most_open(spec: LoadSpec) -> int:
    return spec.at_once if isinstance(spec, Churn) else spec.connections


def _warm_up(pool: ClientPool, spec: LoadSpec) -> None:
    _run(pool, spec, spec.warm_up_requests)
    if any(client.busy for client in pool.clients()):
        raise TimeoutError(
            f"the server did not answer all warm-up requests {_in_time(spec)}: make sure that it "
            "reads all connections and answers every request"
        )


def _run(pool: ClientPool, spec: LoadSpec, messages: int) -> Timings:
    until_ns = time.perf_counter_ns() + int(spec.sending_s / _NS)
    give_up_ns = until_ns + int(spec.grace_s / _NS)
    if isinstance(spec, Churn):
        return run_churn(pool, messages, spec.at_once, until_ns, give_up_ns)
    if isinstance(spec, OpenLoop):
        return run_open_loop(pool, messages, 1 / (spec.rate * _NS), give_up_ns)
    return run_closed_loop(pool, messages, until_ns, give_up_ns)


def _in_time(spec: LoadSpec) -> str:
    return f"within {spec.sending_s + spec.grace_s:g} s"


class _Measured(NamedTuple):
    """A run's timings, and what the two processes used meanwhile."""

    timings: Timings
    seconds: float
    client: Usage
    server: Usage | None


def _measure(pool: ClientPool, spec: LoadSpec, server_pid: int | None) -> Result:
    server, client = None if server_pid is None else usage(server_pid), usage_here()
    began_ns = time.perf_counter_ns()
    timings = _run(pool, spec, spec.wanted)
    seconds = (time.perf_counter_ns() - began_ns) * _NS
    client = usage_here().since(client)
    if server_pid is not None and server is not None:
        server = usage(server_pid).since(server)
    if not timings.sent:
        raise pool.first_error or TimeoutError(
            f"not one message was answered {_in_time(spec)}: make sure that the "
            "server runs and answers requests"
        )
    return _result(spec, _Measured(timings, seconds, client, server), dict(pool.lost))


def _result(spec: LoadSpec, measured: _Measured, lost: dict[str, int]) -> Result:
    timings, seconds, client, server = measured
    client_busy = client.busy_s / seconds
    server_busy = None if server is None else server.busy_s / seconds
    return Result(
        load=spec.name,
        connections=spec.connections,
        size=len(spec.exchange.of(0)[0]),
        wanted=spec.wanted,
        asked=timings.asked,
        seconds=seconds,
        latencies=Latencies.of(timings.sent),
        corrected=Latencies.of(timings.intended) if isinstance(spec, OpenLoop) else None,
        late=timings.late,
        client_cpu_s=client.cpu_s,
        client_busy=client_busy,
        server_cpu_s=None if server is None else server.cpu_s,
        server_busy=server_busy,
        lost=lost,
        bottleneck=bottleneck(client_busy, server_busy, timings.late, spec.wanted),
    )
