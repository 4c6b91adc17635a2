"""Proxy on loopback that keeps every byte: for machines on which packets cannot be captured.

It shows what each side sent, in which order, and how it ended. It does not show packets: the
client's connection ends at the proxy, which has another one with the server. So a client is
connected although the server has not answered yet, and a port without a listener looks like a
server that resets.
"""

import threading
import time
from itertools import groupby
from types import TracebackType
from typing import Final, NamedTuple, Self

from sockets_lab.addresses import endpoint_of, is_loopback
from sockets_lab.capture.relaying import Relay
from sockets_lab.capture.segments import count_of_bytes
from sockets_lab.interrupts import InterruptGuard, deliver_interrupt, uninterruptible
from sockets_lab.listeners import open_listener

__all__ = ["Overheard", "Proxy", "proxy"]

_KEPT_BYTES = 1 << 20
_KEPT_EVENTS = 10_000
_WORDS: Final = {"end": "end of stream", "reset": "reset"}


class Overheard(NamedTuple):
    """One event on a connection: bytes, the end of a stream, or a reset.

    `at_s` is seconds since the proxy began; `what` is "bytes", "end" or "reset"; `data` the bytes
    as they came, which need not be as they were sent. "connection 1" is the server's end.
    """

    at_s: float
    sender: str
    what: str
    data: bytes = b""

    def __str__(self) -> str:
        return f"{self.sender}: {_WORDS.get(self.what) or count_of_bytes(len(self.data))}"

    def __repr__(self) -> str:  # the time differs from run to run
        return str(self)


def proxy(address: tuple[object, ...]) -> "Proxy":
    """Return a proxy between clients and the server at `address` that keeps what they send.

        with proxy(listener.getsockname()) as between:
            client.connect(between.address)

    address: of a listener on loopback, of either family, as `getsockname()` gives it. ValueError
    for any other: the proxy relays to this machine only. Half-closes and resets are relayed as
    such. At the end of the block, bytes that have arrived by then are relayed; then its thread and
    its sockets are gone, however the block ended. OSError if no listener can be opened.
    """
    host = endpoint_of(address).host
    if not is_loopback(host):
        raise ValueError(
            f"{host!r} is not this machine: the proxy relays to loopback only, such as "
            "listener.getsockname() of a listener on '127.0.0.1' or '::1'"
        )
    return Proxy(address, "::1" if ":" in host else "127.0.0.1")


class Proxy:
    """Proxy, used as a context manager; see `proxy`.

    `address` is where clients connect, from the beginning of the block on. The text has roles and
    lengths, with consecutive bytes of one side joined, and no port and no time. `not_kept` counts
    bytes that were relayed and not kept, because there were too many.
    """

    def __init__(self, target: tuple[object, ...], host: str) -> None:
        self._host = host
        self._relay = Relay(target, self._note)
        self._thread: threading.Thread | None = None
        self._guard = InterruptGuard()
        self._overheard: list[Overheard] = []
        self._kept = 0
        self._began = time.monotonic()
        self.not_kept = 0
        self.address: tuple[object, ...] = ()

    @property
    def overheard(self) -> tuple[Overheard, ...]:
        """Return the events so far, oldest first."""
        return tuple(self._overheard)

    def sent_by(self, role: str) -> bytes:
        """Return the bytes that `role` has sent so far; "connection 1" is the server's end.

        KeyError for a role without any event.
        """
        senders = {each.sender for each in self.overheard}
        if role not in senders:
            known = ", ".join(sorted(senders)) or "none"
            raise KeyError(f"nothing was relayed from {role!r}; senders: {known}")
        return b"".join(each.data for each in self.overheard if each.sender == role)

    def __str__(self) -> str:
        lines = [
            str(Overheard(0, sender, what, b"".join(each.data for each in together)))
            for (sender, what), together in groupby(self.overheard, lambda each: each[1:3])
        ]
        if self.not_kept:
            lines.append("more was relayed than is kept")
        return "\n".join(lines) or "nothing was relayed"

    __repr__ = __str__

    @uninterruptible
    def __enter__(self) -> Self:
        self._guard.hold()
        try:
            self._start()
            deliver_interrupt()
        except BaseException:
            self._stop()
            raise
        return self

    @uninterruptible
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        if self._relay.problem is not None and error is None:
            raise self._relay.problem

    def _stop(self) -> None:
        self._relay.stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._guard.release()

    def _start(self) -> None:
        if self._thread is not None:
            raise RuntimeError("this proxy has been used already: make another one with proxy()")
        listener = open_listener(self._host)
        self.address = listener.getsockname()
        try:
            thread = threading.Thread(
                target=self._relay.run, args=(listener,), name="sockets_lab proxy", daemon=True
            )
            thread.start()
        except BaseException:
            listener.close()
            raise
        self._thread = thread

    def _note(self, sender: str, what: str, data: bytes) -> None:
        is_full = len(self._overheard) >= _KEPT_EVENTS
        kept = b"" if is_full else data[: _KEPT_BYTES - self._kept]
        self._kept += len(kept)
        self.not_kept += len(data) - len(kept)
        if not is_full and (kept or what != "bytes"):
            now = time.monotonic() - self._began
            self._overheard.append(Overheard(now, sender, what, kept))
