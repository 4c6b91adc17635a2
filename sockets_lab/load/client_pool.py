"""All clients of a load: connected, watched, and closed together."""

import errno
import socket
from collections import Counter
from time import monotonic
from types import TracebackType
from typing import Self

from sockets_lab.addresses import Endpoint
from sockets_lab.load.clients import Client, Exchange
from sockets_lab.load.connecting import (
    Source,
    bound_socket,
    connect,
    sources_for,
    spread,
    start_connecting,
)
from sockets_lab.load.waiting import open_waiting

__all__ = ["ClientPool"]


class ClientPool:
    """Clients of one server, for use in a `with` block, which closes them.

    `lost` counts the connections that ended while the load still needed them, by what ended them;
    `first_error` is what ended the first of them.
    """

    def __init__(self, target: Endpoint, exchange: Exchange, *, portable: bool = False) -> None:
        self.lost: Counter[str] = Counter()
        self.first_error: OSError | EOFError | None = None
        self._target, self._exchange = target, exchange
        self._clients: dict[socket.socket, Client] = {}
        self._made = 0
        self._waiting = open_waiting(Client, portable=portable)

    def connect(self, connections: int, deadline_s: float) -> None:
        """Connect clients, one after another; OSError and TimeoutError as `connecting.connect`."""
        until = monotonic() + deadline_s
        for source in self.sources(connections):
            connect(self._add(source).sock, self._target, until)

    def sources(self, connections: int) -> list[Source]:
        """Return a source address for each connection."""
        return spread(sources_for(self._target, connections), connections)

    def start(self, source: Source) -> Client:
        """Begin one more connection, without waiting for it."""
        client = self._add(source)
        start_connecting(client.sock, self._target)
        return client

    def clients(self) -> list[Client]:
        """Return the clients that are still connected, the oldest first."""
        return list(self._clients.values())

    def ready(self, timeout_s: float) -> list[Client]:
        """Wait at most `timeout_s` seconds; return the clients that have something to read."""
        return self._waiting.wait(timeout_s)

    def lose(self, client: Client, error: OSError | EOFError) -> bool:
        """Drop a client whose connection has ended; return True if a request was under way."""
        self.lost[_name(error)] += 1
        self.first_error = self.first_error or error
        self.dismiss(client)
        return client.busy

    def dismiss(self, client: Client) -> None:
        """Close a client's connection."""
        del self._clients[client.sock]
        self._waiting.forget(client.sock)
        client.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients.values():
            client.sock.close()
        self._waiting.close()

    def _add(self, source: Source) -> Client:
        sock = bound_socket(self._target, source)
        client = Client(sock, *self._exchange.of(self._made), self._waiting)
        self._clients[sock] = client
        self._waiting.watch(sock, client)
        self._made += 1
        return client


def _name(error: OSError | EOFError) -> str:
    if isinstance(error, EOFError):
        return "closed by the server"
    return errno.errorcode.get(error.errno or 0, str(error))
