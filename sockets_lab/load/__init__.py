"""Bounded load on loopback, and what it measures: latency, CPU time, memory.

    with serving("sockets_lab.servers.selectors_loop:serve") as server:
        load = ClosedLoop(connections=100, messages=50_000)
        result = run_load(server.address, load, server=server)

`serving` runs a server in a child process; `run_load` loads it from another, as a `ClosedLoop`,
`OpenLoop` or `Churn` says, and returns a `Result`; `hold` keeps many idle connections. All load
goes to this machine's loopback only, is bounded in count and time, and leaves nothing behind.
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
from sockets_lab.load.running import run_load
from sockets_lab.load.served import Served, serving
from sockets_lab.load.specs import Churn, ClosedLoop, LoadSpec, OpenLoop
from sockets_lab.load.usage import KernelMemory, Memory, kernel_memory

__all__ = [
    "MOST_BYTES",
    "MOST_CONNECTIONS",
    "MOST_MESSAGES",
    "MOST_SECONDS",
    "Churn",
    "ClosedLoop",
    "Cost",
    "Held",
    "KernelMemory",
    "Latencies",
    "LoadSpec",
    "Memory",
    "OpenLoop",
    "Result",
    "Served",
    "TooFewDescriptors",
    "WrongReply",
    "hold",
    "how_many_fit",
    "kernel_memory",
    "run_load",
    "serving",
]
