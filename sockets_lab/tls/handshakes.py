"""A TLS connection in memory, without a socket: every byte that is sent can be inspected.

`ssl.MemoryBIO` is a buffer in memory. A client and a server are connected by four of them, and take
turns: each runs until it needs what the other has not sent yet (SSL_read(3), `SSLWantReadError`).
TLS needs only a reliable, in-order stream: RFC 8446, section 1.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sockets_lab.tls.records import ALERTS, Record, name_of_message, records

__all__ = ["Flight", "MemoryConnection", "Side", "connect_in_memory"]

_MOST_TURNS = 20  # a handshake takes four at most, with a HelloRetryRequest
# Content types in OpenSSL's message callback: openssl/ssl3.h.
_HEADER, _ALERT, _HANDSHAKE = 256, 21, 22


class Flight(NamedTuple):
    """What one side sent before it waited for the other.

    who: "client" or "server"; data: the bytes on the wire; inside: for each record the messages and
    alerts in it, as its sender reported them before encryption; () where this Python cannot report
    """

    who: str
    data: bytes
    inside: tuple[tuple[str, ...], ...]

    @property
    def records(self) -> list[Record]:
        """Return the records in it."""
        return records(self.data)


class Side(NamedTuple):
    """How a handshake ended for one side.

    version: like "TLSv1.3"; cipher: the suite; alpn: the protocol agreed on; resumed: True if it
    resumed an earlier session; error: what it raised, "" if it is complete, None if it waits.
    """

    version: str
    cipher: str
    alpn: str
    resumed: bool
    error: str | None


class MemoryConnection:
    """A client and a server connected in memory; `flights` is what was sent so far."""

    def __init__(
        self,
        client: ssl.SSLContext,
        server: ssl.SSLContext,
        server_name: str | None,
        session: ssl.SSLSession | None,
    ) -> None:
        self.flights: list[Flight] = []
        self.ends = {
            "client": _End(client, server_hostname=server_name, session=session),
            "server": _End(server, server_side=True),
        }

    def shake_hands(self) -> None:
        """Take turns until neither side has anything more to send."""
        self._take_turns(lambda end: end.shake_hands())

    def send(self, who: str, data: bytes) -> bytes:
        """Send `data` from one side; return what the other one reads.

        ssl.SSLError as read and write raise it. Anything else, such as a ticket, is read, too.
        """
        other = self._other(who)
        self.ends[who].write(data)
        self._transfer(who)
        received = bytearray()
        while len(received) < len(data):
            received += self.ends[other].ssl.read(len(data) - len(received))
        return bytes(received)

    def read_pending(self, who: str) -> None:
        """Let one side read what came after the handshake: tickets, or an alert."""
        self.ends[who].read_pending()

    def side(self, who: str) -> Side:
        """Return how the handshake ended for the client or the server."""
        return self.ends[who].result()

    @property
    def session(self) -> ssl.SSLSession | None:
        """Return the session that the client can resume, if the server sent a ticket."""
        return self.ends["client"].ssl.session

    def _take_turns(self, act: "Callable[[_End], None]") -> None:
        for _ in range(_MOST_TURNS):
            sent = 0
            for who, end in self.ends.items():
                act(end)
                sent += self._transfer(who)
            if not sent:
                return

    def _transfer(self, who: str) -> int:
        """Move what one side has written to the other, as one flight; return how many bytes."""
        data, inside = self.ends[who].take_outgoing()
        if data:
            self.flights.append(Flight(who, data, inside))
            self.ends[self._other(who)].incoming.write(data)
        return len(data)

    def _other(self, who: str) -> str:
        return {"client": "server", "server": "client"}[who]


class _End:
    """One side, with a buffer for each direction."""

    def __init__(self, context: ssl.SSLContext, **options: Any) -> None:
        self.incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._context = context
        self._inside: list[list[str]] = []
        self._error: str | None = None
        with self._reporting():
            self.ssl = context.wrap_bio(self.incoming, self._outgoing, **options)

    def shake_hands(self) -> None:
        if self._error:
            return
        try:
            with self._reporting():
                self.ssl.do_handshake()
            self._error = ""
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._error = _describe(error)

    def read_pending(self) -> None:
        try:
            with self._reporting():
                self.ssl.read(1)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._error = _describe(error)

    def write(self, data: bytes) -> None:
        with self._reporting():
            self.ssl.write(data)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Make OpenSSL report what it sends: SSL_set_msg_callback(3), by a hook of ssl's tests."""
        if not hasattr(self._context, "_msg_callback"):
            yield
            return
        before = self._context._msg_callback
        self._context._msg_callback = self._on_message
        try:
            yield
        finally:
            self._context._msg_callback = before

    def take_outgoing(self) -> tuple[bytes, tuple[tuple[str, ...], ...]]:
        inside, self._inside = tuple(map(tuple, self._inside)), []
        return self._outgoing.read(), inside

    def result(self) -> Side:
        cipher = self.ssl.cipher()
        return Side(
            self.ssl.version() or "",
            cipher[0] if cipher else "",
            self.ssl.selected_alpn_protocol() or "",
            bool(self.ssl.session_reused),
            self._error,
        )

    def _on_message(
        self, _: object, direction: str, version: int, kind: int, message: int, data: bytes
    ) -> None:
        if direction != "write":
            return
        if kind == _HEADER:
            self._inside.append([])
        elif kind == _HANDSHAKE and self._inside:
            self._inside[-1].append(name_of_message(int(message)))
        elif kind == _ALERT and self._inside:
            self._inside[-1].append(f"alert: {ALERTS.get(data[-1], data[-1])}")


def _describe(error: ssl.SSLError) -> str:
    """Describe an error without the line in OpenSSL's source, which differs by version."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{type(error).__name__}: {error.verify_message}"
    return f"{type(error).__name__}: {error.reason or error.strerror}"


def connect_in_memory(
    client: ssl.SSLContext,
    server: ssl.SSLContext,
    server_name: str | None = "localhost",
    *,
    session: ssl.SSLSession | None = None,
) -> MemoryConnection:
    """Shake hands in memory; return the connection, with both sides' results and every flight.

    server_name: the name that the client asks for, and checks in the certificate
    session: of an earlier connect_in_memory with the same client context, to be resumed
    """
    connection = MemoryConnection(client, server, server_name, session)
    connection.shake_hands()
    for who in ("client", "server"):
        if connection.side(who).error == "":
            connection.read_pending(who)
    return connection
