"""Companion package of the course on server sockets.

The notebooks type the raw socket calls themselves; this package carries what surrounds them:
recording calls, querying the kernel, drawing, running a learner's server beside the notebook and
checking answers. Sockets stay plain `socket.socket` objects everywhere.

Each name below is imported at its first use, so that `import sockets_lab` costs next to nothing
and a notebook loads only what it uses (PEP 562).
"""

from importlib import import_module

TYPE_CHECKING = False  # true for type checkers; importing it from typing costs more than all this

# A new name goes into both lists; tests/test_floors.py compares them.
if TYPE_CHECKING:
    from sockets_lab.addresses import Endpoint as Endpoint
    from sockets_lab.addresses import endpoint_of as endpoint_of
    from sockets_lab.addresses import ipv6_works as ipv6_works
    from sockets_lab.capabilities import all_capabilities as all_capabilities
    from sockets_lab.capabilities import capability as capability
    from sockets_lab.capabilities import has as has
    from sockets_lab.capabilities import machine as machine
    from sockets_lab.kernel import accept_queue as accept_queue
    from sockets_lab.kernel import counters as counters
    from sockets_lab.kernel import look as look
    from sockets_lab.kernel import options as options
    from sockets_lab.kernel import state_of as state_of
    from sockets_lab.kernel import until as until
    from sockets_lab.kernel import watch as watch
    from sockets_lab.listeners import open_listener as open_listener
    from sockets_lab.measurement import measured as measured
    from sockets_lab.netns import in_private_network as in_private_network
    from sockets_lab.netns import private_network as private_network
    from sockets_lab.recording import record as record
    from sockets_lab.roles import Roles as Roles
    from sockets_lab.widgets import predict as predict
    from sockets_lab.widgets import step_through as step_through

_HOME = {
    "Endpoint": "addresses",
    "endpoint_of": "addresses",
    "ipv6_works": "addresses",
    "all_capabilities": "capabilities",
    "capability": "capabilities",
    "has": "capabilities",
    "machine": "capabilities",
    "accept_queue": "kernel",
    "counters": "kernel",
    "look": "kernel",
    "options": "kernel",
    "state_of": "kernel",
    "until": "kernel",
    "watch": "kernel",
    "open_listener": "listeners",
    "measured": "measurement",
    "in_private_network": "netns",
    "private_network": "netns",
    "record": "recording",
    "Roles": "roles",
    "predict": "widgets",
    "step_through": "widgets",
}

__all__ = list(_HOME)
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
