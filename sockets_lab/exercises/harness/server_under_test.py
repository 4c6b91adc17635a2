"""A learner's server at work, and what every check of a server asks of its clients."""

import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from sockets_lab.exercises.harness.runner import Failed, NotStarted, Sandbox, Trial

__all__ = ["ServerUnderTest"]

_CHUNK = 65_536
_GLANCE_S = 0.01


class ServerUnderTest:
    """The server's listener, its run, and the event that tells it to stop."""

    soon_s = 1.5  # for what should come at once: long, for a busy machine

    def __init__(
        self,
        bench: Sandbox,
        *args: Any,
        backlog: int = 32,
        buffers: Mapping[int, int] | None = None,
    ) -> None:
        """Call the answer as `answer(listener, *args, stop)`.

        `buffers` has sizes in bytes for SO_RCVBUF and SO_SNDBUF; what accept() gives has them, too.
        """
        self.bench, self.stop = bench, threading.Event()
        self.listener = bench.listener(backlog=backlog)
        for option, nbytes in (buffers or {}).items():
            self.listener.setsockopt(socket.SOL_SOCKET, option, nbytes)
        self.address: Any = self.listener.getsockname()
        self.trial: Trial = bench.start(self.listener, *args, self.stop)
        bench.at_end(self.stop.set)

    def expect_begun(self, within_s: float) -> None:
        """NotStarted, or what the answer raised, if it ends so soon."""
        if self.trial.ends_within(within_s):
            if self.trial.gave_nothing:
                raise NotStarted
            self.trial.result()

    def connect(self, request: bytes | None = None) -> socket.socket:
        """A client that is connected and has sent its request, if it has one."""
        client = self.bench.new_socket()
        try:
            client.connect(self.address)
            if request is not None:
                client.sendall(request)
        except OSError as error:
            tried = "connect" if request is None else "connect or send"
            self.complain(f"a client cannot {tried} ({type(error).__name__})")
        return client

    def read(self, client: socket.socket, nbytes: int) -> bytes:
        """So many bytes, or what comes until the end or for too long."""
        received = bytearray()
        while len(received) < nbytes and self.trial.readable(client, self.soon_s):
            try:
                piece = client.recv(_CHUNK)
            except ConnectionError:
                break
            if not piece:
                break
            received += piece
        return bytes(received)

    def expect_open(self, most: int, observed: str) -> None:
        """Failed, with what was `observed`, unless so few of the server's connections stay open."""
        until_s = time.monotonic() + self.soon_s
        while self.bench.accepted() > most:
            if time.monotonic() > until_s:
                raise Failed(observed)
            time.sleep(_GLANCE_S)

    def complain(self, observed: str) -> NoReturn:
        """Raise Failed; what the function itself raised says more."""
        if isinstance(self.trial.error, Failed):
            raise self.trial.error
        if self.trial.error is not None:
            self.trial.result()
        raise Failed(observed)
