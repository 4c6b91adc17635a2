"""What no load goes beyond: this machine's loopback, and a bounded count, size and time.

A load generator pointed at somebody else's machine is an attack, and one without an end is a fault.
So both are refused before the first socket is made, in words.
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
    """The endpoint that load may go to: `address` is what `getsockname()` gave, or an `Endpoint`.

    ValueError for an address that is not loopback, for a name, and for port 0; TypeError for what
    is no address.
    """
    endpoint = address if isinstance(address, Endpoint) else endpoint_of(address)
    if not is_loopback(endpoint.host):
        raise ValueError(
            f"load goes to this machine's own loopback only, and {endpoint.host!r} is not on it: "
            "let the server listen on '127.0.0.1' or '::1'"
        )
    if endpoint.port == 0:
        raise ValueError("nobody can listen on port 0: give the address that getsockname() tells")
    return endpoint


def count_within(name: str, count: object, most: int, least: int = 1) -> int:
    """`count`, if it is a whole number from `least` to `most`; TypeError or ValueError if not."""
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"{name} is {count!r}, no whole number: give one from {least} to {most}")
    if not least <= count <= most:
        raise ValueError(f"{name} is {count!r}: give a number from {least} to {most}")
    return count


def seconds_within(name: str, seconds: object, most: float = MOST_SECONDS) -> float:
    """`seconds`, if above 0 and at most `most`; TypeError or ValueError if not."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{name} is {seconds!r}, no number: give seconds, up to {most:g}")
    if not 0 < seconds <= most:
        raise ValueError(f"{name} is {seconds!r}: give seconds above 0, up to {most:g}")
    return float(seconds)


def cores_within(cpus: Collection[int]) -> tuple[int, ...]:
    """The numbers of the cores that a process shall keep to; ValueError for what cannot be."""
    if not cpus:
        return ()
    if not hasattr(os, "sched_setaffinity"):
        raise ValueError(f"cpus is {tuple(cpus)!r}, and this system pins no process: leave it out")
    allowed = os.sched_getaffinity(0)
    if not allowed.issuperset(cpus):
        raise ValueError(f"cpus is {tuple(cpus)!r}: give numbers from {sorted(allowed)!r}")
    return tuple(cpus)
