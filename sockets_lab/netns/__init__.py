"""Private networks: a process with a network of its own, or several hosts that are joined.

- `apart`: a function runs in a process whose network holds nothing but loopback
- `network`: hosts on one link, whose sockets the notebook itself holds
- `keeper`, `wiring`: the process that holds such a network, and how it is built
- `inside`, `shipping`, `refusing`: what happens in the other process, and what comes back
"""

from sockets_lab.netns.child import in_private_network
from sockets_lab.netns.errors import NoPrivateNetwork
from sockets_lab.netns.network import Host, PrivateNetwork, private_network

__all__ = [
    "Host",
    "NoPrivateNetwork",
    "PrivateNetwork",
    "in_private_network",
    "private_network",
]
