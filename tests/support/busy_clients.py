"""Many clients in one thread that send the next request when they have their reply."""

import selectors
import socket
from collections import Counter
from contextlib import ExitStack
from threading import Condition, Thread
from typing import Self

DEADLINE_S = 30.0


class BusyClients:
    """`clients` connections, each with one request under way, in a thread beside the test."""

    def __init__(
        self, address: tuple[object, ...], clients: int, request: bytes, reply: bytes
    ) -> None:
        self._address, self._clients = address[:2], clients
        self._request, self._reply = request, reply
        self._open = ExitStack()
        self._served: set[socket.socket] = set()
        self._changed = Condition()
        self._ends: Counter[str] = Counter()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Self:
        self._selector = self._open.enter_context(selectors.DefaultSelector())
        for _ in range(self._clients):
            sock = self._open.enter_context(socket.create_connection(self._address))
            sock.settimeout(DEADLINE_S)
            sock.send(self._request)
            assert sock.recv(1 << 16) == self._reply  # so it was accepted
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ, bytearray())
        for key in self._selector.get_map().values():
            key.fileobj.send(self._request)  # type: ignore[union-attr]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._open.close()

    def wait_until_all_are_served(self) -> None:
        """Wait until each client has had a reply under load."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._served) == self._clients, DEADLINE_S)

    def ends(self) -> dict[str, int]:
        """Wait until all connections have ended; return how many ended in which way."""
        self._thread.join()
        return dict(self._ends)

    def _run(self) -> None:
        while self._selector.get_map() and (ready := self._selector.select(DEADLINE_S)):
            for key, _ in ready:
                self._on_readable(key.fileobj, key.data)  # type: ignore[arg-type]
            with self._changed:
                self._changed.notify_all()

    def _on_readable(self, sock: socket.socket, held: bytearray) -> None:
        """Read available bytes; send the next request when the reply is complete."""
        try:
            if received := sock.recv(1 << 16):
                held += received
                if held == self._reply:
                    held.clear()
                    sock.send(self._request)
                    self._served.add(sock)
                return
            end = "inside a reply" if held else "the end of the stream"
        except OSError as error:
            end = repr(error)
        self._selector.unregister(sock)
        sock.close()
        self._ends[end] += 1
