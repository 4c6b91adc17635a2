"""Many clients in one thread that ask again as soon as they have their reply, until the end."""

import selectors
import socket
from collections import Counter
from contextlib import ExitStack
from threading import Condition, Thread
from typing import Self

DEADLINE_S = 30.0


class Hurried:
    """`clients` connections, each with one request under way, in a thread beside the test."""

    def __init__(
        self, address: tuple[object, ...], clients: int, request: bytes, reply: bytes
    ) -> None:
        self._address, self._clients = address[:2], clients
        self._request, self._reply = request, reply
        self._open = ExitStack()
        self._served: set[socket.socket] = set()
        self._counted = Condition()
        self._ends: Counter[str] = Counter()
        self._thread = Thread(target=self._work)

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

    def wait_until_all_were_served(self) -> None:
        """Wait until each has had a reply, and most have had more."""
        with self._counted:
            assert self._counted.wait_for(lambda: len(self._served) == self._clients, DEADLINE_S)

    def ends(self) -> dict[str, int]:
        """How the connections ended, once all have: in words, with how many it were."""
        self._thread.join()
        return dict(self._ends)

    def _work(self) -> None:
        while self._selector.get_map() and (ready := self._selector.select(DEADLINE_S)):
            for key, _ in ready:
                self._turn(key.fileobj, key.data)  # type: ignore[arg-type]
            with self._counted:
                self._counted.notify_all()

    def _turn(self, sock: socket.socket, held: bytearray) -> None:
        """Take what came; ask again when the reply is whole."""
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
