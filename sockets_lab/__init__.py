"""Companion package of the course on server sockets.

The notebooks type the raw socket calls themselves; this package carries what surrounds them:
recording calls, asking the kernel, drawing, running a learner's server beside the notebook and
checking answers. Sockets stay plain `socket.socket` objects everywhere.

The names below are looked up when they are first used, so that `import sockets_lab` costs next to
nothing and a notebook pays only for what it draws or asks (PEP 562).
"""

from importlib import import_module

TYPE_CHECKING = False  # true for type checkers; importing it from typing costs more than all this

if TYPE_CHECKING:
    from sockets_lab.addresses import Endpoint, endpoint_of, ipv6_works
    from sockets_lab.capabilities import all_capabilities, capability, has, machine
    from sockets_lab.kernel import accept_queue, counters, look, options, state_of, until, watch
    from sockets_lab.listeners import open_listener
    from sockets_lab.measurement import measured
    from sockets_lab.netns import in_private_network, private_network
    from sockets_lab.recording import record
    from sockets_lab.roles import Roles
    from sockets_lab.widgets import predict, step_through

__version__ = "0.1.0"

_HOME = {
    "Endpoint": "addresses",
    "Roles": "roles",
    "capability": "capabilities",
    "accept_queue": "kernel",
    "all_capabilities": "capabilities",
    "counters": "kernel",
    "endpoint_of": "addresses",
    "has": "capabilities",
    "in_private_network": "netns",
    "ipv6_works": "addresses",
    "look": "kernel",
    "machine": "capabilities",
    "measured": "measurement",
    "open_listener": "listeners",
    "options": "kernel",
    "predict": "widgets",
    "private_network": "netns",
    "record": "recording",
    "state_of": "kernel",
    "step_through": "widgets",
    "until": "kernel",
    "watch": "kernel",
}

__all__ = [
    "Endpoint",
    "Roles",
    "accept_queue",
    "all_capabilities",
    "capability",
    "counters",
    "endpoint_of",
    "has",
    "in_private_network",
    "ipv6_works",
    "look",
    "machine",
    "measured",
    "open_listener",
    "options",
    "predict",
    "private_network",
    "record",
    "state_of",
    "step_through",
    "until",
    "watch",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
