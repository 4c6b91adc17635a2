"""Bounded load on loopback, and what it measures: latency, CPU time, memory.

    with serving("sockets_lab.servers.selectors_loop:serve") as server:
        result = closed_loop(server.address, connections=100, messages=50_000, server=server)

`serving` runs a server in a process of its own; `closed_loop`, `open_loop` and `churn` load it from
another, and give a `Result`; `hold` keeps many idle connections. No load goes anywhere but to this
machine's own loopback, none is without bounds in count and time, and nothing of one is left behind.
"""

from sockets_lab.load.bounds import (
    MOST_BYTES,
    MOST_CONNECTIONS,
    MOST_MESSAGES,
    MOST_SECONDS,
)
from sockets_lab.load.clients import WrongReply
from sockets_lab.load.descriptors import TooFewDescriptors
from sockets_lab.load.holding import Cost, Held, hold, how_many_fit
from sockets_lab.load.latencies import Latencies
from sockets_lab.load.results import Result
from sockets_lab.load.runs import churn, closed_loop, open_loop
from sockets_lab.load.served import Served, serving
from sockets_lab.load.usage import KernelMemory, Memory, kernel_memory

__all__ = [
    "MOST_BYTES",
    "MOST_CONNECTIONS",
    "MOST_MESSAGES",
    "MOST_SECONDS",
    "Cost",
    "Held",
    "KernelMemory",
    "Latencies",
    "Memory",
    "Result",
    "Served",
    "TooFewDescriptors",
    "WrongReply",
    "churn",
    "closed_loop",
    "hold",
    "how_many_fit",
    "kernel_memory",
    "open_loop",
    "serving",
]
