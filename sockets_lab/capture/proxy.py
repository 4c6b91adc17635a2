"""A proxy on loopback that keeps every byte: for machines on which packets cannot be captured.

It shows what each side said, in which order, and how it ended. It does not show packets: the
client's connection ends at the proxy, which has one of its own with the server. So a client is
connected although the server has not answered yet, and a port on which nobody listens looks like a
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
_SAID: Final = {"end": "end of stream", "reset": "reset"}


class Overheard(NamedTuple):
    """Something that one side did: sent bytes, ended its stream, or reset the connection.

    `at_s` is seconds since the proxy began; `what` is "bytes", "end" or "reset"; `data` the bytes
    as they came, which need not be as they were sent. "connection 1" is the server's end.
    """

    at_s: float
    sender: str
    what: str
    data: bytes = b""

    def __str__(self) -> str:
        return f"{self.sender}: {_SAID.get(self.what) or count_of_bytes(len(self.data))}"

    def __repr__(self) -> str:  # the time differs from run to run
        return str(self)


def proxy(address: tuple[object, ...]) -> "Proxy":
    """Stand between clients and the server at `address`, and keep what they say to each other.

        with proxy(listener.getsockname()) as between:
            client.connect(between.address)

    address: of a listener on loopback, of either family, as `getsockname()` gives it. ValueError
    for any other: nobody else's conversations are passed on. Half-closes and resets are passed on
    as such. At the end of the block what has come by then is passed on; then its thread and its
    sockets are gone, on every way out. OSError if no listener can be opened.
    """
    host = endpoint_of(address).host
    if not is_loopback(host):
        raise ValueError(
            f"{host!r} is not this machine: the proxy passes on to loopback only, such as "
            "listener.getsockname() of a listener on '127.0.0.1' or '::1'"
        )
    return Proxy(address, "::1" if ":" in host else "127.0.0.1")


class Proxy:
    """A proxy, to be used as a context manager; see `proxy`.

    `address` is where clients are to connect, from the beginning of the block on. The text tells
    roles and lengths, with what one side sent in one go put together, and no port and no time.
    `not_kept` counts bytes that were passed on and not kept, since there were too many.
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
        """What has come by so far, oldest first."""
        return tuple(self._overheard)

    def said_by(self, role: str) -> bytes:
        """All the bytes that `role` has sent so far: "client 1", or "connection 1" for the server.

        KeyError for one of whom nothing has been heard.
        """
        heard = {each.sender for each in self.overheard}
        if role not in heard:
            raise KeyError(
                f"nothing was heard of {role!r}, only of {', '.join(sorted(heard)) or 'nobody'}"
            )
        return b"".join(each.data for each in self.overheard if each.sender == role)

    def __str__(self) -> str:
        lines = [
            str(Overheard(0, sender, what, b"".join(each.data for each in together)))
            for (sender, what), together in groupby(self.overheard, lambda each: each[1:3])
        ]
        if self.not_kept:
            lines.append("more came by than is kept")
        return "\n".join(lines) or "nothing came by"

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
