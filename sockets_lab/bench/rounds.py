"""The tables, what each measures of an entrant, and the rounds in which all are measured."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final, NamedTuple

from sockets_lab.bench import tls_peers
from sockets_lab.bench.entrants import BASE, Entrant, lack_of
from sockets_lab.bench.epoll_steps import STEPS
from sockets_lab.bench.machine import described
from sockets_lab.bench.results import Bench, Table
from sockets_lab.load import Churn, ClosedLoop, Served, hold, how_many_fit, run_load, serving
from sockets_lab.servers import MODELS

__all__ = ["TABLES", "Plan", "measure"]

IDLE: Final = 9_000


class Plan(NamedTuple):
    """How much to measure: rounds, and in each of them messages over so many connections."""

    rounds: int = 15
    messages: int = 30_000
    connections: int = 100
    idle: int = IDLE


Trial = Callable[[Entrant, Plan], Mapping[str, float]]
"""Measures an entrant once: values by the names of the rows that they belong to."""


class _Kind(NamedTuple):
    title: str
    unit: str
    base: str
    trial: Trial
    of: Sequence[str] = ()
    """The entrants that it measures; all if none is named."""
    own: Sequence[Entrant] = ()
    """Entrants of its own, in place of them."""
    rounds: int | None = None
    """Rounds at most."""


def measure(
    plan: Plan,
    entrants: Sequence[Entrant],
    names: Sequence[str] = (),
    tell: Callable[[str, int, int], object] = lambda words, done, of: None,
) -> Bench:
    """Measure the tables of these names, all if none is named; LookupError for an unknown one.

    tell: is told what comes next, how many measurements are done, and of how many
    """
    unknown = set(names) - set(TABLES)
    if unknown:
        raise LookupError(f"no table {min(unknown)!r}: there is {', '.join(TABLES)}")
    kinds = {name: TABLES[name] for name in names or TABLES}
    present = [one for one in entrants if not one.lack]
    steps = sum(_rounds(kind, plan) * len(_of(kind, present)) for kind in kinds.values())
    tables, done = [], 0
    for name, kind in kinds.items():
        values: dict[str, list[float]] = {}
        for number, entrant in _turns(_of(kind, present), _rounds(kind, plan)):
            tell(f"{name}, round {number + 1}: {entrant.name}", done, steps)
            for row, value in kind.trial(entrant, plan).items():
                values.setdefault(row, []).append(value)
            done += 1
        tables.append(Table(name, kind.title, kind.unit, kind.base, values))
    missing = {one.name: one.lack for one in entrants if one.lack}
    return Bench(date.today().isoformat(), described(), missing, tuple(tables))


def _rounds(kind: _Kind, plan: Plan) -> int:
    return plan.rounds if kind.rounds is None else min(plan.rounds, kind.rounds)


def _of(kind: _Kind, present: Sequence[Entrant]) -> list[Entrant]:
    if kind.own:
        return [one for one in kind.own if not one.lack]
    return [one for one in present if not kind.of or one.name in kind.of]


def _turns(entrants: Sequence[Entrant], rounds: int) -> Iterator[tuple[int, Entrant]]:
    """Every entrant once a round, each round beginning with another."""
    for number in range(rounds):
        for at in range(len(entrants)):
            yield number, entrants[(number + at) % len(entrants)]


def _cores() -> tuple[Sequence[int], Sequence[int]]:
    """A core for the server and one for the client, where there are two and they can be chosen."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (cores[:1], cores[1:2]) if len(cores) > 1 else ((), ())


@contextmanager
def _at_work(entrant: Entrant) -> Iterator[tuple[Served, Sequence[int]]]:
    mine, others = _cores()
    with serving(entrant.serve, cpus=mine, **entrant.options) as server:
        yield server, others


def _echo(entrant: Entrant, plan: Plan) -> Mapping[str, float]:
    with _at_work(entrant) as (server, cpus):
        return {entrant.name: _per_message_us(server, cpus, plan)}


def _per_message_us(server: Served, cpus: Sequence[int], plan: Plan) -> float:
    load = ClosedLoop(connections=plan.connections, messages=plan.messages)
    result = run_load(server.address, load, server=server, cpus=cpus)
    return result.server_cpu_s_per_message * 1e6


def _churn(entrant: Entrant, plan: Plan) -> Mapping[str, float]:
    load = Churn(connections=max(100, plan.messages // 8))
    with _at_work(entrant) as (server, cpus):
        result = run_load(server.address, load, server=server, cpus=cpus)
        return {entrant.name: result.server_cpu_s_per_message * 1e6}


def _memory(entrant: Entrant, plan: Plan) -> Mapping[str, float]:
    with _at_work(entrant) as (server, _):
        many = min(plan.idle, entrant.most_idle, how_many_fit(server))
        with hold(server.address, many, server=server) as held:
            cost = held.cost
    if cost is None or cost.process_bytes is None:
        return {}
    return {entrant.name: cost.process_bytes / 1024}


def _crowd(entrant: Entrant, plan: Plan) -> Mapping[str, float]:
    with _at_work(entrant) as (server, cpus):
        alone = _per_message_us(server, cpus, plan)
        with hold(server.address, min(plan.idle, how_many_fit(server)), server=server):
            crowded = _per_message_us(server, cpus, plan)
    return {entrant.name: alone, f"{entrant.name}, many idle": crowded}


def _handshake(entrant: Entrant, plan: Plan) -> Mapping[str, float]:
    mine, _ = _cores()
    many = max(50, plan.messages // 100)
    with serving(entrant.serve, cpus=mine, certificate=tls_peers.certificate()) as server:
        tls_peers.shake_hands(server.address)  # what the first one costs once is no handshake
        before_s = server.cpu_s()
        for _ in range(many):
            tls_peers.shake_hands(server.address)
        return {entrant.name: (server.cpu_s() - before_s) / many * 1e6}


TABLES: Final = {
    "echo": _Kind(
        "Echo, 64 bytes, over 100 connections", "CPU µs of the server a message", BASE, _echo
    ),
    "churn": _Kind("Connect, echo, close", "CPU µs of the server a connection", BASE, _churn),
    "memory": _Kind(
        "Memory of the server's process for an idle connection", "KiB", "", _memory, rounds=5
    ),
    "crowd": _Kind(
        "Busy connections alone, and beside thousands that are idle",
        "CPU µs of the server a message",
        "",
        _crowd,
        of=("epoll_loop", "selectors_loop", "coroutine_loop"),
    ),
    "handshake": _Kind(
        "TLS 1.3: connect, shake hands, echo, close",
        "CPU µs of the server a connection",
        tls_peers.UVLOOP_TLS,
        _handshake,
        own=tls_peers.ENTRANTS,
    ),
    "steps": _Kind(
        "Each step to the fast loop alone",
        "CPU µs of the server a message",
        next(iter(STEPS)),
        _echo,
        own=[
            *(
                Entrant(
                    name, f"sockets_lab.bench.epoll_steps:{function}", "", lack_of("select.epoll")
                )
                for name, function in STEPS.items()
            ),
            *(
                Entrant(f"{name}, complete", MODELS[name].path, "", lack_of(MODELS[name].needs))
                for name in ("selectors_loop", "epoll_loop")
            ),
        ],
    ),
}
