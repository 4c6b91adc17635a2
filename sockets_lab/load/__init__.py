"""A server in a process of its own, and what it costs: CPU time and memory.

    with serving("sockets_lab.servers.readiness:serve") as server:
        ...  # talk to it at server.address

`serving` makes the listener and hands it over, so that the address is known before the server has
begun; the process and all that it started are ended on every way out.
"""

from sockets_lab.load.descriptors import TooFewDescriptors
from sockets_lab.load.served import Served, serving
from sockets_lab.load.usage import KernelMemory, Memory, kernel_memory

__all__ = [
    "KernelMemory",
    "Memory",
    "Served",
    "TooFewDescriptors",
    "kernel_memory",
    "serving",
]
