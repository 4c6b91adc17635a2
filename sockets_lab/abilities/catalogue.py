"""The abilities, each with what the course shows with it and what it needs."""

import os
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from typing import Final, NamedTuple

from sockets_lab.abilities import privileged, unprivileged
from sockets_lab.abilities.finding import FOUND, Finding

__all__ = [
    "ABILITIES",
    "SWITCH",
    "Ability",
    "Unavailable",
    "ability",
    "all_abilities",
    "has",
    "require",
]

SWITCH: Final = "SOCKETS_LAB_WITHOUT"


class Ability(NamedTuple):
    """One thing that this machine can or cannot do.

    `shows` is what the course shows with it; `lacking` is why the machine has it not ("" if it
    has), `remedy` how to get it ("" if there is nothing to mend).
    """

    name: str
    has: bool
    shows: str
    lacking: str = ""
    remedy: str = ""


class Unavailable(RuntimeError):
    """This machine cannot show what was asked for; the message says why and what would help."""


class _Entry(NamedTuple):
    shows: str
    probe: Callable[[], Finding]
    needs: str = ""


_CATALOGUE: Final = {
    "linux": _Entry("the Linux kernel's own tables, queues and counters", unprivileged.linux),
    "ipv6": _Entry("everything once more over IPv6, and both families at once", unprivileged.ipv6),
    "tcp-info": _Entry(
        "a socket's TCP state and a listener's accept queue", unprivileged.tcp_info, "linux"
    ),
    "sock-diag": _Entry(
        "connections that no process holds: not accepted yet, or closed and still ending",
        unprivileged.sock_diag,
        "linux",
    ),
    "counters": _Entry(
        "the kernel's counters, such as ListenOverflows", unprivileged.counters, "linux"
    ),
    "descriptors": _Entry(
        "9,000 connections, both ends of each held by one process", unprivileged.descriptors
    ),
    "namespaces": _Entry(
        "a private network, with settings, hosts and rules of its own",
        privileged.namespaces,
        "linux",
    ),
    "nftables": _Entry("a real firewall at work", privileged.nftables, "namespaces"),
    "netem": _Entry("slow and lossy links between hosts", privileged.netem, "namespaces"),
    "raw-capture": _Entry(
        "the packets of a connection, captured live", privileged.raw_capture, "namespaces"
    ),
    "front-end": _Entry(
        "predictions to click, and recordings to step through", unprivileged.jupyter
    ),
}

ABILITIES: Final = tuple(_CATALOGUE)


def ability(name: str) -> Ability:
    """Whether this machine has the ability `name` (one of ABILITIES), tried the first time.

    Raises KeyError for a name that is none. The first question takes up to 0.2 s, later ones
    microseconds.
    """
    if name not in _CATALOGUE:
        near = get_close_matches(str(name), ABILITIES, n=1) or ABILITIES
        raise KeyError(f"no ability is called {name!r}: did you mean {' or '.join(near)}")
    return _ability(name, os.environ.get(SWITCH, ""))


def has(name: str) -> bool:
    """Whether this machine has the ability `name`; see `ability`."""
    return ability(name).has


def all_abilities() -> tuple[Ability, ...]:
    """Every ability, in the catalogue's order."""
    return tuple(ability(name) for name in ABILITIES)


def require(name: str, what: str) -> None:
    """Raise Unavailable unless this machine has the ability `name`; `what` is what it was for."""
    wanted = ability(name)
    if not wanted.has:
        raise Unavailable(f"{what} cannot be seen here: {wanted.lacking}; {wanted.remedy}")


@cache
def _ability(name: str, switched_off: str) -> Ability:
    entry = _CATALOGUE[name]
    if name in (off.strip() for off in switched_off.split(",")):
        finding = Finding(f"switched off by {SWITCH}", f"take {name} out of {SWITCH}")
    elif entry.needs and not (below := _ability(entry.needs, switched_off)).has:
        finding = Finding(below.lacking, below.remedy)
    else:
        finding = _probe(name)
    return Ability(name, finding == FOUND, entry.shows, *finding)


@cache
def _probe(name: str) -> Finding:
    return _CATALOGUE[name].probe()
