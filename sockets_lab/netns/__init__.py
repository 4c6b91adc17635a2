"""Private networks: a child process with a separate network, or several hosts on one link.

- `child`: a function runs in a child process whose network holds nothing but loopback
- `network`: hosts on one link, whose sockets the notebook itself holds
- `holder`: the child process that holds such a network
- `topology`: how the network is built
- `errors`: why this machine makes no private network
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
