"""Bounds of every load: this machine's loopback, and a bounded count, size and time.

A load generator aimed at another machine is an attack, and one without an end is a fault. So both
are refused with an explanation, before the first socket is created.
"""

import os
from collections.abc import Collection, Sequence
from typing import Final

from sockets_lab.addresses import Endpoint, endpoint_of, is_loopback

__all__ = [
    "MOST_BYTES",
    "MOST_CONNECTIONS",
    "MOST_MESSAGES",
    "MOST_SECONDS",
    "cores_within",
    "count_within",
    "seconds_within",
    "target_of",
]

MOST_CONNECTIONS: Final = 20_000
MOST_MESSAGES: Final = 5_000_000
MOST_BYTES: Final = 1 << 20
"""Bytes of one message."""
MOST_SECONDS: Final = 300.0


def target_of(address: Sequence[object]) -> Endpoint:
    """Return the endpoint to load: `address` is what `getsockname()` returned, or an `Endpoint`.

    ValueError for an address that is not loopback, for a name, and for port 0; TypeError for what
    is not an address.
    """
    endpoint = address if isinstance(address, Endpoint) else endpoint_of(address)
    if not is_loopback(endpoint.host):
        raise ValueError(
            f"load goes to this machine's loopback only, and {endpoint.host!r} is not on it: "
            "let the server listen on '127.0.0.1' or '::1'"
        )
    if endpoint.port == 0:
        raise ValueError(
            "no server can listen on port 0: give the address that getsockname() returns"
        )
    return endpoint


def count_within(name: str, count: object, most: int, least: int = 1) -> int:
    """Return `count` if it is an integer from `least` to `most`; else TypeError or ValueError."""
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(
            f"{name} must be an integer, not {count!r}: give one from {least} to {most}"
        )
    if not least <= count <= most:
        raise ValueError(f"{name} is {count!r}: give a number from {least} to {most}")
    return count


def seconds_within(name: str, seconds: object, most: float = MOST_SECONDS) -> float:
    """Return `seconds` if above 0 and at most `most`; else TypeError or ValueError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{name} must be a number, not {seconds!r}: give seconds, up to {most:g}")
    if not 0 < seconds <= most:
        raise ValueError(f"{name} is {seconds!r}: give seconds above 0, up to {most:g}")
    return float(seconds)


def cores_within(cpus: Collection[int]) -> tuple[int, ...]:
    """Return the numbers of the cores to pin a process to; ValueError where that is impossible."""
    if not cpus:
        return ()
    if not hasattr(os, "sched_setaffinity"):
        raise ValueError(
            f"cpus is {tuple(cpus)!r}, and this system cannot pin a process: leave cpus out"
        )
    allowed = os.sched_getaffinity(0)
    if not allowed.issuperset(cpus):
        raise ValueError(f"cpus is {tuple(cpus)!r}: give numbers from {sorted(allowed)!r}")
    return tuple(cpus)
