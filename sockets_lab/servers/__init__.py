"""One service, many servers: a file for each way to serve many clients, all with one signature.

    serve(listener, service=echo, *, stop, limits=Limits()) -> None

listener: a listening TCP socket; the server closes it, on every way out
service: what it does for a client, without I/O; see `sockets_lab.servers.services`
stop: a `threading.Event`; once it is set the listener is closed, so that new clients are refused,
    every request that was read is answered, each client is told the end of the stream, and after
    `limits.drain_s` seconds at most `serve` returns, with nothing left open
limits: what a client may take, see `Limits`

All survive the clients of `sockets_lab.peers`, and serve the others meanwhile (*serial* after them,
as that is its nature). Out of descriptors (EMFILE) they wait for a moment and go on; a client that
breaks the protocol, resets, or is idle for `limits.idle_s` costs no one but itself. What a service
raises beside `Violation` is a fault of the program, and goes through.

Run one beside a notebook by `background.run(serve, listener)`, which hands it `stop`; or in a
process of its own by `load.serving("sockets_lab.servers.selectors_loop:serve")`, where its CPU
time and
memory can be measured.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Final, NamedTuple

from sockets_lab.servers.limits import Limits
from sockets_lab.servers.services import Conversation, Service, echo, framed

__all__ = ["MODELS", "Conversation", "Limits", "Model", "Service", "echo", "framed"]


class Model(NamedTuple):
    """A way to serve many clients: its file's name, and how it does it, in words.

    needs: what the system must have besides, or ""
    """

    name: str
    does: str
    needs: str = ""

    @property
    def path(self) -> str:
        """Where its function is, as `sockets_lab.load.serving` takes it."""
        return f"{__name__}.{self.name}:serve"

    @property
    def serve(self) -> Callable[..., None]:
        """Its function, imported when it is first asked for."""
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
        Model("coroutine_loop", "a coroutine for each connection, on a loop of our own"),
        Model("trio_streams", "a coroutine for each connection, on Trio", needs="trio"),
    )
}
