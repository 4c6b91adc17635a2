"""Where one behaviour is tried: real sockets, and the learner's function beside them."""

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
from sockets_lab.background.locations import location_of, location_of_error
from sockets_lab.background.ownership import OpenSockets, sockets_at
from sockets_lab.capabilities import Unavailable
from sockets_lab.kernel import unread

__all__ = ["Failed", "NotAvailable", "NotStarted", "Sandbox", "TimedOut", "Trial", "described"]

_GLANCE_S = 0.01  # between two looks at a client while the learner's function runs
_LAST_LOOK_S = 0.1  # for what is still on its way when the function has ended
_STOP_S = 4.0  # for a function that was told to stop; long, for a busy machine
_CHUNK = 65_536
_SLIPS = (AttributeError, IndexError, KeyError, NameError, TypeError)
_MEND = "an error in the code itself, not in the conversation: mend this line first"


class Failed(Exception):
    """A behaviour is not shown; the message is what was observed instead.

    `hint` and `expected`, where given, stand in for the behaviour's own: they fit this observation.
    """

    def __init__(self, observed: str, hint: str = "", expected: str = "") -> None:
        super().__init__(observed)
        self.hint = hint
        self.expected = expected


class TimedOut(Failed):
    """The learner's function came to no end."""


class NotAvailable(Exception):
    """This machine cannot show it; the message says why."""


class NotStarted(Exception):
    """The learner has not written anything yet."""


class Trial:
    """One run of the learner's function, beside the clients that talk to it."""

    def __init__(self, answer: Callable[..., Any], until_s: float) -> None:
        self._answer = answer
        self._until_s = until_s
        self._ended = threading.Event()
        self._value: Any = None
        self.error: BaseException | None = None
        self.thread: threading.Thread | None = None

    def __call__(self, *args: Any) -> None:
        """Run the function; this is what the background thread calls."""
        self.thread = threading.current_thread()
        try:
            self._value = self._answer(*args)
        except BaseException as error:  # whatever a learner's function raises is an observation
            self.error = error
        finally:
            self._ended.set()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    @property
    def gave_nothing(self) -> bool:
        """Whether the function ended without a result: None, or the `...` of an empty body."""
        return self.ended and self.error is None and self._value in (None, ...)

    def ends_within(self, seconds: float) -> bool:
        """Wait for the function's end, but not longer; say whether it has ended."""
        return self._ended.wait(seconds)

    def wait(self) -> None:
        """Wait for the function's end; TimedOut, with the place where it stands, at the
        deadline."""
        if not self._ended.wait(max(0.0, self._until_s - time.monotonic())):
            where = f": it stands in {location_of(self.thread)}" if self.thread else ""
            raise TimedOut(f"comes to no end{where}")

    def result(self) -> Any:
        """Return what the function gave back; raise Failed when it raised or came to no end."""
        self.wait()
        if isinstance(self.error, NotImplementedError):
            raise NotStarted
        if isinstance(self.error, _SLIPS):
            place = location_of_error(self.error)
            raise Failed(f"raised {described(self.error)}{place and f', in {place}'}", _MEND)
        if self.error is not None:
            raise Failed(f"raised {described(self.error)}")
        if inspect.iscoroutine(self._value):
            self._value.close()
            raise Failed(
                "gave back a coroutine", "write def, not async def: it is called, not awaited"
            )
        return self._value

    def read_to_end(self, client: socket.socket) -> bytes:
        """Return all that comes to `client` until end of stream, as long as it can still come.

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
        raise Failed("the function has ended, the client still waits for the end of the stream")

    def write_all(self, client: socket.socket, text: bytes) -> None:
        """Send `text` as long as the function runs and reads it, and nothing is read meanwhile.

        Raises OSError as `send` does, and TimedOut when both ends stand still.
        """
        left = memoryview(text)
        while left and not self.ended:
            if time.monotonic() > self._until_s:
                raise TimedOut(
                    "both ends stand still: each waits for the other to read",
                    "a client may send everything before it reads anything: reply after its end "
                    "only",
                )
            if _can_send(client, _GLANCE_S):
                left = left[client.send(left[:_CHUNK]) :]

    def readable(self, client: socket.socket, within_s: float = math.inf) -> bool:
        """Wait until something comes to `client`; False when nothing can come any more.

        Nor is it waited for longer than `within_s` seconds.
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
        except Exception as own:  # what the function's own threads raised, or who would not stop
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
        """Return a new socket of the bench's family that never waits past the deadline."""
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

    def start(self, *args: Any) -> Trial:
        """Run the learner's function with `args` beside the probe, until the end of `with`."""
        trial = Trial(self.answer, self.until_s)
        self._stack.enter_context(background.run(trial, *args, deadline_s=_STOP_S))
        self._trial = trial
        return trial

    def call(self, *args: Any) -> Any:
        """Run the learner's function with `args` to its end; return what it gives back."""
        return self.start(*args).result()

    def wait_until_read(self) -> None:
        """Wait until the function has accepted and has read what was sent so far.

        It need not: at the deadline, or where this machine cannot see it, it counts as read.
        """
        while time.monotonic() < self.until_s:
            connections = self._connections()
            if connections and not any(_unread(each) for each in connections):
                return
            if self._trial is None or self._trial.ended:
                return
            time.sleep(_GLANCE_S)

    def at_end(self, function: Callable[[], object]) -> None:
        """Call `function` at the end, before what was begun earlier is ended."""
        self._stack.callback(function)

    def accepted(self) -> int:
        """Count the connections of the bench's listeners that are open in this process."""
        return len(self._connections())

    def left_open(self) -> bool:
        """Say whether a connection of the bench's listeners was not closed by its function.

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
    """Name `error` in words that are the same on every machine: errno by name."""
    name = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} ({errno.errorcode.get(error.errno, error.errno)})"
    words = re.sub(r"<socket\.socket [^>]*>", "a socket", str(error))
    return f"{name}: {words}" if words else name
