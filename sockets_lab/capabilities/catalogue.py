"""The capabilities: what the course shows with each, how it is tried, and what it needs."""

import os
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from typing import Final, NamedTuple

from sockets_lab.capabilities import privileged, unprivileged
from sockets_lab.capabilities.unprivileged import FOUND, Finding

__all__ = [
    "CAPABILITIES",
    "SWITCH",
    "Capability",
    "Unavailable",
    "all_capabilities",
    "capability",
    "has",
    "require",
]

SWITCH: Final = "SOCKETS_LAB_WITHOUT"


class Capability(NamedTuple):
    """One thing that this machine can or cannot do.

    `shows`: what the course shows with it; `lacking`: why this machine lacks it, or ""; `remedy`:
    how to get it, or "".
    """

    name: str
    has: bool
    shows: str
    lacking: str = ""
    remedy: str = ""


class Unavailable(RuntimeError):
    """Error for what this machine cannot show; the message says why and what would help."""


class _Entry(NamedTuple):
    shows: str
    probe: Callable[[], Finding]
    needs: str = ""


_CATALOGUE: Final = {
    "linux": _Entry("the Linux kernel's own tables, queues and counters", unprivileged.linux),
    "ipv6": _Entry("everything over IPv6 as well, and both families together", unprivileged.ipv6),
    "tcp-info": _Entry(
        "a socket's TCP state and a listener's accept queue", unprivileged.tcp_info, "linux"
    ),
    "sock-diag": _Entry(
        "connections without a descriptor: not accepted yet, or closed and still ending",
        unprivileged.sock_diag,
        "linux",
    ),
    "counters": _Entry(
        "the kernel's counters, such as ListenOverflows", unprivileged.counters, "linux"
    ),
    "descriptors": _Entry(
        "9,000 connections, with both ends of each in one process", unprivileged.descriptors
    ),
    "namespaces": _Entry(
        "a private network: separate settings, hosts and rules",
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

CAPABILITIES: Final = tuple(_CATALOGUE)


def capability(name: str) -> Capability:
    """Return the capability `name` (one of CAPABILITIES); the first call tries it.

    Raises KeyError for an unknown name. The first call takes up to 0.2 s, later ones microseconds.
    """
    if name not in _CATALOGUE:
        near = get_close_matches(str(name), CAPABILITIES, n=1) or CAPABILITIES
        raise KeyError(f"no capability is called {name!r}: did you mean {' or '.join(near)}")
    return _capability(name, os.environ.get(SWITCH, ""))


def has(name: str) -> bool:
    """Return True if this machine has the capability `name`; see `capability`."""
    return capability(name).has


def all_capabilities() -> tuple[Capability, ...]:
    """Return every capability, in the order of CAPABILITIES."""
    return tuple(capability(name) for name in CAPABILITIES)


def require(name: str, what: str) -> None:
    """Raise Unavailable unless this machine has the capability `name`.

    what: what cannot be seen without it, for the message.
    """
    wanted = capability(name)
    if not wanted.has:
        raise Unavailable(f"{what} cannot be seen here: {wanted.lacking}; {wanted.remedy}")


@cache
def _capability(name: str, switched_off: str) -> Capability:
    entry = _CATALOGUE[name]
    if name in (off.strip() for off in switched_off.split(",")):
        finding = Finding(f"switched off by {SWITCH}", f"take {name} out of {SWITCH}")
    elif entry.needs and not (below := _capability(entry.needs, switched_off)).has:
        finding = Finding(below.lacking, below.remedy)
    else:
        finding = _probe(name)
    return Capability(name, finding == FOUND, entry.shows, *finding)


@cache
def _probe(name: str) -> Finding:
    return _CATALOGUE[name].probe()
