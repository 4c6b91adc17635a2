"""A whole TLS conversation without a socket, with every byte that crosses in your hands.

`ssl.MemoryBIO` is a pipe in memory. A client and a server are joined by four of them, and take
turns: each runs until it needs what the other has not sent yet (SSL_read(3), `SSLWantReadError`).
TLS needs a stream in order and nothing else: RFC 8446, section 1.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sockets_lab.tls.records import ALERTS, Record, name_of_message, records

__all__ = ["Flight", "MemoryConnection", "Side", "connect_in_memory"]

_MOST_TURNS = 20  # a handshake takes four at most, with a HelloRetryRequest
_HEADER, _ALERT, _HANDSHAKE = 256, 21, 22  # what OpenSSL tells about: openssl/ssl3.h


class Flight(NamedTuple):
    """What one side sent in one go.

    who: "client" or "server"; data: the bytes on the wire; inside: for each record what is in it,
    as its sender tells: encrypted messages and alerts as well; () where this Python does not tell
    """

    who: str
    data: bytes
    inside: tuple[tuple[str, ...], ...]

    @property
    def records(self) -> list[Record]:
        """The records in it."""
        return records(self.data)


class Side(NamedTuple):
    """How a handshake ended for one side.

    version: like "TLSv1.3"; cipher: the suite; alpn: the protocol agreed on; resumed: whether an
    earlier session was gone on with; error: what it raised, "" if it is done, None if it waits.
    """

    version: str
    cipher: str
    alpn: str
    resumed: bool
    error: str | None


class MemoryConnection:
    """A client and a server joined in memory; `flights` is what has crossed so far."""

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
        """Take turns until both sides are done, or nobody has anything to say any more."""
        self._take_turns(lambda end: end.shake_hands())

    def send(self, who: str, data: bytes) -> bytes:
        """Let one side send `data`; return what the other one reads.

        ssl.SSLError as read and write raise it. What comes besides, such as a ticket, is read, too.
        """
        other = self._other(who)
        self.ends[who].write(data)
        self._carry(who)
        received = bytearray()
        while len(received) < len(data):
            received += self.ends[other].ssl.read(len(data) - len(received))
        return bytes(received)

    def listen(self, who: str) -> None:
        """Let one side take in what came behind the handshake: tickets, or an alert."""
        self.ends[who].listen()

    def side(self, who: str) -> Side:
        """How the handshake has ended for the client or the server."""
        return self.ends[who].told()

    @property
    def session(self) -> ssl.SSLSession | None:
        """What the client can show the next time, if the server gave it a ticket."""
        return self.ends["client"].ssl.session

    def _take_turns(self, act: "Callable[[_End], None]") -> None:
        for _ in range(_MOST_TURNS):
            said = 0
            for who, end in self.ends.items():
                act(end)
                said += self._carry(who)
            if not said:
                return

    def _carry(self, who: str) -> int:
        """Hand what one side has written to the other, as one flight; return how much it was."""
        data, inside = self.ends[who].taken()
        if data:
            self.flights.append(Flight(who, data, inside))
            self.ends[self._other(who)].incoming.write(data)
        return len(data)

    def _other(self, who: str) -> str:
        return {"client": "server", "server": "client"}[who]


class _End:
    """One side, with a pipe in and a pipe out."""

    def __init__(self, context: ssl.SSLContext, **options: Any) -> None:
        self.incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._context = context
        self._inside: list[list[str]] = []
        self._error: str | None = None
        with self._listening():
            self.ssl = context.wrap_bio(self.incoming, self._outgoing, **options)

    def shake_hands(self) -> None:
        if self._error:
            return
        try:
            with self._listening():
                self.ssl.do_handshake()
            self._error = ""
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._error = _words(error)

    def listen(self) -> None:
        try:
            with self._listening():
                self.ssl.read(1)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._error = _words(error)

    def write(self, data: bytes) -> None:
        with self._listening():
            self.ssl.write(data)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Have OpenSSL tell what it sends: SSL_set_msg_callback(3), by a hook of ssl's tests."""
        if not hasattr(self._context, "_msg_callback"):
            yield
            return
        before = self._context._msg_callback
        self._context._msg_callback = self._note
        try:
            yield
        finally:
            self._context._msg_callback = before

    def taken(self) -> tuple[bytes, tuple[tuple[str, ...], ...]]:
        inside, self._inside = tuple(map(tuple, self._inside)), []
        return self._outgoing.read(), inside

    def told(self) -> Side:
        cipher = self.ssl.cipher()
        return Side(
            self.ssl.version() or "",
            cipher[0] if cipher else "",
            self.ssl.selected_alpn_protocol() or "",
            bool(self.ssl.session_reused),
            self._error,
        )

    def _note(
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


def _words(error: ssl.SSLError) -> str:
    """Name an error without the place in OpenSSL's source, which differs by version."""
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
    """Shake hands in memory; what each side makes of it, and every flight, is in the
    `MemoryConnection`.

    server_name: whom the client wants, and whose certificate it checks
    session: of an earlier connect_in_memory, for the client to resume; the same context has to be
    used
    """
    made = MemoryConnection(client, server, server_name, session)
    made.shake_hands()
    for who in ("client", "server"):
        if made.side(who).error == "":
            made.listen(who)
    return made
