"""The sandbox in which one behaviour is tried: real sockets, and the learner's function."""

import errno
import inspect
import math
import re
import selectors
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from sockets_lab import background
from sockets_lab.addresses import loopback
from sockets_lab.background import OpenSockets, location_of, location_of_error, sockets_at
from sockets_lab.capabilities import Unavailable
from sockets_lab.kernel import unread

__all__ = ["Failed", "NotStarted", "Sandbox", "TimedOut", "Trial", "described"]

_GLANCE_S = 0.01  # between two looks at a client while the learner's function runs
_LAST_LOOK_S = 0.1  # for what is still on its way when the function has ended
_STOP_S = 4.0  # for a function to end when it is stopped; long, for a busy machine
_CHUNK = 65_536
_SLIPS = (AttributeError, IndexError, KeyError, NameError, TypeError)
_FIX = "an error in the code itself, not in what client and server exchange: fix this line first"


class Failed(Exception):
    """A behaviour is not shown; the message is what was observed instead.

    `hint` and `expected`, where given, replace the behaviour's own: they fit this observation.
    """

    def __init__(self, observed: str, hint: str = "", expected: str = "") -> None:
        super().__init__(observed)
        self.hint = hint
        self.expected = expected


class TimedOut(Failed):
    """The learner's function did not return in time."""


class NotStarted(Exception):
    """The learner has not written anything yet."""


class Trial:
    """One run of the learner's function beside its clients: reads a `Background` up to a deadline.

    An error of the function is an observation, so it is kept and not raised in the check.
    """

    def __init__(self, run: background.Background, until_s: float) -> None:
        self._run = run
        self._until_s = until_s

    @property
    def ended(self) -> bool:
        """Return True if the function has returned or raised."""
        return not self._run.running

    @property
    def error(self) -> BaseException | None:
        """Return what the function raised, if it did."""
        return self._run.error

    @property
    def thread(self) -> threading.Thread | None:
        """Return the thread that the function runs in."""
        return self._run.thread

    @property
    def gave_nothing(self) -> bool:
        """Return True if the function ended without a result: None, or `...` of an empty body."""
        return self.ended and self.error is None and self._run.result in (None, ...)

    def ends_within(self, seconds: float) -> bool:
        """Wait at most `seconds` for the function's end; return True if it has ended."""
        return self._run.wait(seconds)

    def wait(self) -> None:
        """Wait for the function's end; raise TimedOut, with its location, at the deadline."""
        if not self.ends_within(max(0.0, self._until_s - time.monotonic())):
            where = f": blocked in {location_of(self.thread)}" if self.thread else ""
            raise TimedOut(f"did not return{where}")

    def result(self) -> Any:
        """Return what the function returned; raise Failed if it raised or did not return."""
        self.wait()
        if isinstance(self.error, NotImplementedError):
            raise NotStarted
        if isinstance(self.error, _SLIPS):
            location = location_of_error(self.error)
            where = f", in {location}" if location else ""
            raise Failed(f"raised {described(self.error)}{where}", _FIX)
        if self.error is not None:
            raise Failed(f"raised {described(self.error)}")
        value = self._run.result
        if inspect.iscoroutine(value):
            value.close()
            raise Failed(
                "returned a coroutine", "write def, not async def: it is called, not awaited"
            )
        return value

    def read_to_end(self, client: socket.socket) -> bytes:
        """Return what `client` receives up to the end of the stream.

        Raises ConnectionResetError as `recv` does, TimedOut at the deadline, and Failed when the
        function has ended and the stream has not.
        """
        received = bytearray()
        while self.readable(client):
            chunk = client.recv(_CHUNK)
            if not chunk:
                return bytes(received)
            received += chunk
        self.wait()
        self.result()
        raise Failed("the function has ended, but the client never received the end of the stream")

    def write_all(self, client: socket.socket, text: bytes) -> None:
        """Send `text` while the function runs and reads it; read nothing meanwhile.

        Raises OSError as `send` does, and TimedOut when neither end can go on.
        """
        left = memoryview(text)
        while left and not self.ended:
            if time.monotonic() > self._until_s:
                raise TimedOut(
                    "client and server are both blocked: each waits for the other to read",
                    "a client may send everything before it reads anything: reply only after its "
                    "end of stream",
                )
            if _can_send(client, _GLANCE_S):
                left = left[client.send(left[:_CHUNK]) :]

    def readable(self, client: socket.socket, within_s: float = math.inf) -> bool:
        """Wait until `client` has something to read; return False when nothing can come any more.

        It waits no longer than `within_s` seconds, and not after the function has ended.
        """
        until_s = min(self._until_s, time.monotonic() + within_s)
        while not self.ended and time.monotonic() < until_s:
            if _has_news(client, _GLANCE_S):
                return True
        return _has_news(client, _LAST_LOOK_S)


class Sandbox:
    """Sockets and runs of one behaviour; everything is closed and stopped at the end of `with`."""

    def __init__(
        self, answer: Callable[..., Any], family: socket.AddressFamily, deadline_s: float
    ) -> None:
        self.answer = answer
        self.family = family
        self.host = loopback(family)
        self.until_s = time.monotonic() + deadline_s
        self._listeners: dict[socket.socket, object] = {}
        self._trial: Trial | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._warned = self._stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always", ResourceWarning)
        self._before = OpenSockets()
        self._stack.callback(self._close_left_open)  # the last to be called
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._stack.__exit__(exc_type, error, traceback)
        except Exception as own:  # raised by the function's threads, or it would not stop
            if error is None:
                kind = TimedOut if isinstance(own, background.StillRunning) else Failed
                raise kind(f"afterwards: {described(own)}") from own

    def keep(self, sock: socket.socket) -> socket.socket:
        """Close `sock` at the end; return it."""
        return self._stack.enter_context(sock)

    def new_socket(
        self,
        kind: socket.SocketKind = socket.SOCK_STREAM,
        family: socket.AddressFamily | None = None,
    ) -> socket.socket:
        """Return a new socket of the sandbox's family that never waits past the deadline."""
        sock = self.keep(socket.socket(family or self.family, kind))
        sock.settimeout(max(0.1, self.until_s - time.monotonic()))
        return sock

    def listener(self, backlog: int = 8) -> socket.socket:
        """Return a listener on a free loopback port, blocking as a new socket is."""
        listener = self.new_socket()
        listener.settimeout(None)
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, 0))
        listener.listen(backlog)
        self._listeners[listener] = listener.getsockname()
        return listener

    def client(self, listener: socket.socket) -> socket.socket:
        """Return a client connected to `listener`."""
        client = self.new_socket()
        client.connect(listener.getsockname())
        return client

    def connected(self) -> tuple[socket.socket, socket.socket]:
        """Return a client and the accepted, blocking connection of a new listener."""
        listener = self.listener()
        client = self.client(listener)
        return client, self.keep(listener.accept()[0])

    def start(self, *args: Any) -> Trial:
        """Run the learner's function with `args` beside the probe, until the end of `with`."""
        run = background.run(_call, self.answer, *args, deadline_s=_STOP_S, raise_errors=False)
        self._trial = Trial(self._stack.enter_context(run), self.until_s)
        return self._trial

    def call(self, *args: Any) -> Any:
        """Run the learner's function with `args` to its end; return what it returns."""
        return self.start(*args).result()

    def wait_until_read(self) -> None:
        """Wait until the function has accepted a client and read what was sent so far.

        At the deadline, when the function has ended, or where this machine cannot count unread
        bytes, go on as if it had.
        """
        while time.monotonic() < self.until_s:
            connections = self._connections()
            if connections and not any(_unread(each) for each in connections):
                return
            if self._trial is None or self._trial.ended:
                return
            time.sleep(_GLANCE_S)

    def at_end(self, function: Callable[[], object]) -> None:
        """Call `function` at the end, before what was started earlier is stopped."""
        self._stack.callback(function)

    def accepted(self) -> int:
        """Count the connections of the sandbox's listeners that are open in this process."""
        return len(self._connections())

    def left_open(self) -> bool:
        """Return True if the function did not close a connection of the sandbox's listeners.

        It is still open where something holds it: an error does, by its traceback. Where nothing
        does, Python has closed it, with a ResourceWarning.
        """
        unclosed = [each for each in self._warned if issubclass(each.category, ResourceWarning)]
        return bool(unclosed or self._connections())

    def _connections(self) -> list[socket.socket]:
        found = sockets_at(self._listeners.values())
        return [sock for sock in found if sock not in self._listeners]

    def _close_left_open(self) -> None:
        if self._before.has_grown():
            for connection in self._connections():
                connection.close()


def _call(answer: Callable[..., Any], *args: Any) -> Any:
    """Call the answer so that wrong arguments and coroutines are observed, like any mistake."""
    return answer(*args)


def _unread(connection: socket.socket) -> int:
    try:
        return unread(connection) or 0
    except (OSError, Unavailable):  # EBADF: closed in the meantime
        return 0


def _has_news(sock: socket.socket, timeout_s: float) -> bool:
    return _is_ready(sock, selectors.EVENT_READ, timeout_s)


def _can_send(sock: socket.socket, timeout_s: float) -> bool:
    return _is_ready(sock, selectors.EVENT_WRITE, timeout_s)


def _is_ready(sock: socket.socket, event: int, timeout_s: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, event)
        return bool(selector.select(timeout_s))


def described(error: BaseException) -> str:
    """Return `error` in words that are the same on every machine: errno by name."""
    name = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} ({errno.errorcode.get(error.errno, error.errno)})"
    words = re.sub(r"<socket\.socket [^>]*>", "a socket", str(error))
    return f"{name}: {words}" if words else name
