"""One service, many servers: one file for each way to serve many clients, all with one signature.

    serve(listener, service=echo, *, stop, limits=Limits()) -> None

listener: a listening TCP socket; the server closes it, whichever way `serve` ends
service: what the server does for a client, without I/O; see `sockets_lab.servers.services`
stop: a `threading.Event`. Once it is set the listener is closed, so new clients are refused; every
    request that was read is answered, each client gets the end of the stream, and `serve` returns
    after at most `limits.drain_s` seconds, with nothing left open
limits: what one client may take, see `Limits`

All models survive the clients of `sockets_lab.peers` and serve other clients meanwhile (*serial*
serves them afterwards: that is its nature). Out of descriptors (EMFILE) they back off for a moment
and go on. A client that breaks the protocol, resets, or is idle for `limits.idle_s` harms only
itself. An exception of the service other than `Violation` is a bug in the program and propagates.

What to search for, and where it is:

- acceptor, accept budget, EMFILE: `acceptor`, `limits`
- backpressure, lingering close, interest set: `selectors_loop`; on bare descriptors, `epoll_loop`
- SO_REUSEPORT, thundering herd: `preforked`
- head-of-line blocking: `serial`

Run a model beside a notebook with `background.run(serve, listener)`, which passes `stop`; or in a
child process with `load.serving("sockets_lab.servers.selectors_loop:serve")`, where its CPU time
and memory can be measured.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Final, NamedTuple

from sockets_lab.servers.limits import Limits
from sockets_lab.servers.services import Responder, Service, echo, framed

__all__ = ["MODELS", "Limits", "Model", "Responder", "Service", "echo", "framed"]


class Model(NamedTuple):
    """A way to serve many clients: the name of its file, and a short description.

    needs: what the system must have for it, or ""
    """

    name: str
    does: str
    needs: str = ""

    @property
    def path(self) -> str:
        """Return where its `serve` is, in the form that `sockets_lab.load.serving` takes."""
        return f"{__name__}.{self.name}:serve"

    @property
    def serve(self) -> Callable[..., None]:
        """Return its `serve`, importing the module on first use."""
        module = import_module(f"{__name__}.{self.name}")
        serve: Callable[..., None] = module.serve
        return serve


MODELS: Final = {
    model.name: model
    for model in (
        Model("serial", "one client after the other"),
        Model("threaded", "a thread for each connection"),
        Model("pooled", "a fixed number of threads"),
        Model("preforked", "processes that share the listener", needs="os.fork"),
        Model("selectors_loop", "one thread that waits until sockets are ready"),
        Model("epoll_loop", "the same on bare descriptors", needs="select.epoll"),
        Model("asyncio_streams", "a coroutine for each connection, on asyncio"),
        Model("coroutine_loop", "a coroutine for each connection, on the loop of selectors_loop"),
        Model("trio_streams", "a coroutine for each connection, on Trio", needs="trio"),
    )
}
