"""The tables, how each measures an entrant, and the interleaved rounds."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final, NamedTuple

from sockets_lab.bench import tls_peers
from sockets_lab.bench.entrants import BASE, Entrant, lack_of
from sockets_lab.bench.epoll_steps import STEPS
from sockets_lab.bench.machine import describe_machine
from sockets_lab.bench.results import Bench, Table
from sockets_lab.load import Churn, ClosedLoop, Served, hold, how_many_fit, run_load, serving
from sockets_lab.servers import MODELS

__all__ = ["TABLES", "Plan", "measure"]

IDLE: Final = 9_000


class Plan(NamedTuple):
    """How much to measure: rounds, and in each of them messages and connections."""

    rounds: int = 15
    messages: int = 30_000
    connections: int = 100
    idle: int = IDLE


Measurement = Callable[[Entrant, Plan], Mapping[str, float]]
"""Measures an entrant once; returns values by the names of their rows."""


class _TableKind(NamedTuple):
    title: str
    unit: str
    base: str
    measure_once: Measurement
    only: Sequence[str] = ()
    """Names of the entrants that it measures; all by default."""
    own: Sequence[Entrant] = ()
    """Entrants of this table alone, in place of the others."""
    rounds: int | None = None
    """An upper limit for its rounds."""


def measure(
    plan: Plan,
    entrants: Sequence[Entrant],
    names: Sequence[str] = (),
    on_progress: Callable[[str, int, int], object] = lambda step, done, total: None,
) -> Bench:
    """Measure the tables of these names, all by default; LookupError for an unknown name.

    on_progress: is called with the next step, and how many measurements are done of how many
    """
    unknown = set(names) - set(TABLES)
    if unknown:
        raise LookupError(f"no table {min(unknown)!r}; choose one of: {', '.join(TABLES)}")
    kinds = {name: TABLES[name] for name in names or TABLES}
    present = [entrant for entrant in entrants if not entrant.lack]
    total = sum(_rounds(kind, plan) * len(_entrants_of(kind, present)) for kind in kinds.values())
    tables, done = [], 0
    for name, kind in kinds.items():
        values: dict[str, list[float]] = {}
        for number, entrant in _interleaved(_entrants_of(kind, present), _rounds(kind, plan)):
            on_progress(f"{name}, round {number + 1}: {entrant.name}", done, total)
            for row, value in kind.measure_once(entrant, plan).items():
                values.setdefault(row, []).append(value)
            done += 1
        tables.append(Table(name, kind.title, kind.unit, kind.base, values))
    missing = {entrant.name: entrant.lack for entrant in entrants if entrant.lack}
    return Bench(date.today().isoformat(), describe_machine(), missing, tuple(tables))


def _rounds(kind: _TableKind, plan: Plan) -> int:
    return plan.rounds if kind.rounds is None else min(plan.rounds, kind.rounds)


def _entrants_of(kind: _TableKind, present: Sequence[Entrant]) -> list[Entrant]:
    if kind.own:
        return [entrant for entrant in kind.own if not entrant.lack]
    return [entrant for entrant in present if not kind.only or entrant.name in kind.only]


def _interleaved(entrants: Sequence[Entrant], rounds: int) -> Iterator[tuple[int, Entrant]]:
    """Yield every entrant once a round, each round beginning with the next one."""
    for number in range(rounds):
        for at in range(len(entrants)):
            yield number, entrants[(number + at) % len(entrants)]


def _cores() -> tuple[Sequence[int], Sequence[int]]:
    """Return a core for the server and one for the client, or () twice if they cannot be chosen."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (cores[:1], cores[1:2]) if len(cores) > 1 else ((), ())


@contextmanager
def _running(entrant: Entrant) -> Iterator[tuple[Served, Sequence[int]]]:
    server_cpus, client_cpus = _cores()
    with serving(entrant.serve, cpus=server_cpus, **entrant.options) as server:
        yield server, client_cpus


def _echo(entrant: Entrant, plan: Plan) -> Mapping[str, float]:
    with _running(entrant) as (server, cpus):
        return {entrant.name: _per_message_us(server, cpus, plan)}


def _per_message_us(server: Served, cpus: Sequence[int], plan: Plan) -> float:
    load = ClosedLoop(connections=plan.connections, messages=plan.messages)
    result = run_load(server.address, load, server=server, cpus=cpus)
    return result.server_cpu_s_per_message * 1e6


def _churn(entrant: Entrant, plan: Plan) -> Mapping[str, float]:
    load = Churn(connections=max(100, plan.messages // 8))
    with _running(entrant) as (server, cpus):
        result = run_load(server.address, load, server=server, cpus=cpus)
        return {entrant.name: result.server_cpu_s_per_message * 1e6}


def _memory(entrant: Entrant, plan: Plan) -> Mapping[str, float]:
    with _running(entrant) as (server, _):
        count = min(plan.idle, entrant.most_idle, how_many_fit(server))
        with hold(server.address, count, server=server) as held:
            cost = held.cost
    if cost is None or cost.process_bytes is None:
        return {}
    return {entrant.name: cost.process_bytes / 1024}


def _with_idle(entrant: Entrant, plan: Plan) -> Mapping[str, float]:
    with _running(entrant) as (server, cpus):
        without_idle = _per_message_us(server, cpus, plan)
        with hold(server.address, min(plan.idle, how_many_fit(server)), server=server):
            with_idle = _per_message_us(server, cpus, plan)
    return {entrant.name: without_idle, f"{entrant.name}, many idle": with_idle}


def _handshake(entrant: Entrant, plan: Plan) -> Mapping[str, float]:
    cpus, _ = _cores()
    count = max(50, plan.messages // 100)
    with serving(entrant.serve, cpus=cpus, certificate=tls_peers.certificate()) as server:
        tls_peers.shake_hands(server.address)  # the first one has one-time costs
        before_s = server.cpu_s()
        for _ in range(count):
            tls_peers.shake_hands(server.address)
        return {entrant.name: (server.cpu_s() - before_s) / count * 1e6}


TABLES: Final = {
    "echo": _TableKind(
        "Echo, 64 bytes, over 100 connections", "CPU µs of the server a message", BASE, _echo
    ),
    "churn": _TableKind("Connect, echo, close", "CPU µs of the server a connection", BASE, _churn),
    "memory": _TableKind(
        "Memory of the server's process for an idle connection", "KiB", "", _memory, rounds=5
    ),
    "crowd": _TableKind(
        "Busy connections alone, and beside thousands that are idle",
        "CPU µs of the server a message",
        "",
        _with_idle,
        only=("epoll_loop", "selectors_loop", "coroutine_loop"),
    ),
    "handshake": _TableKind(
        "TLS 1.3: connect, shake hands, echo, close",
        "CPU µs of the server a connection",
        tls_peers.UVLOOP_TLS,
        _handshake,
        own=tls_peers.ENTRANTS,
    ),
    "steps": _TableKind(
        "Each step to the fast loop alone",
        "CPU µs of the server a message",
        next(iter(STEPS)),
        _echo,
        own=[
            *(
                Entrant(name, f"sockets_lab.bench.epoll_steps:{function}", lack_of("select.epoll"))
                for name, function in STEPS.items()
            ),
            *(
                Entrant(f"{name}, complete", MODELS[name].path, lack_of(MODELS[name].needs))
                for name in ("selectors_loop", "epoll_loop")
            ),
        ],
    ),
}
