"""A TLS 1.3 conversation of one's own, overheard and decrypt with its key log.

Whoever sets `SSLContext.keylog_filename` has the secrets of each connection written down, in the
format that Wireshark reads (SSLKEYLOGFILE): a line is a label such as "CLIENT_TRAFFIC_SECRET_0",
the random of the ClientHello, and the secret. From the secrets follow the keys that open every
record: RFC 8446, sections 5.2, 5.3 and 7.3. scapy's TLS layer does that, and takes as long to
import as the rest of scapy does.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sockets_lab.capture.pcap import quiet
from sockets_lab.tls import Record, client_hello, messages

__all__ = ["DecryptedRecord", "decrypt"]

_KINDS = {21: "alert", 22: "handshake", 23: "application_data"}
_SEALED = 23  # the outer type of whatever is encrypted
_TLS_1_3 = 0x0304


class DecryptedRecord(NamedTuple):
    """A record that was encrypted: who sent it, what it really is, and its text in clear."""

    who: str
    kind: str
    text: bytes

    @property
    def messages(self) -> tuple[str, ...]:
        """The names of the handshake messages in it; () if it is of another kind."""
        return tuple(each.name for each in messages([Record(self.kind, 0, self.text)]))


def decrypt(said: Iterable[tuple[str, bytes]], key_log: str) -> list[DecryptedRecord]:
    """Open every encrypted record of one conversation, from its ClientHello on.

    said: who, and which bytes, in the order in which they came by; the first is the client. Records
    may be torn between one piece and the next, and one that is not whole in the end is left out.
    key_log: the text of the file; lines of other connections do not matter. ValueError for what is
    not TLS 1.3, and for secrets that are not for this conversation.
    """
    found: list[DecryptedRecord] = []
    reader: _Reader | None = None
    with quiet():
        for who, record in _whole_records(said):
            reader = reader or _Reader(who, record, key_log)
            found += reader.read(who, record)
    if reader is None:
        raise ValueError("there is no whole record in this conversation")
    return found


def _whole_records(said: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    rest: dict[str, bytes] = {}
    for who, data in said:
        torn = rest.get(who, b"") + data
        while len(torn) >= (size := 5 + int.from_bytes(torn[3:5])):
            yield who, torn[:size]
            torn = torn[size:]
        rest[who] = torn


class _Reader:
    """What both sides can read: scapy's session, seen by turns from either end."""

    def __init__(self, client: str, hello: bytes, key_log: str) -> None:
        from scapy.layers.tls import session

        random = client_hello(hello).random
        lines = [line for line in key_log.splitlines() if random.hex() in line.lower().split()]
        if not lines:
            raise ValueError("this key log has no secret of this conversation")
        new_session: Any = session.tlsSession
        self._client = self._reads_from = client
        self._session = new_session(connection_end="server")
        self._session.nss_keys = session.parse_nss_keys("\n".join(lines))

    def read(self, who: str, record: bytes) -> Iterator[DecryptedRecord]:
        from scapy.layers.tls.crypto.cipher_aead import AEADTagError
        from scapy.layers.tls.record import TLS
        from scapy.layers.tls.record_tls13 import TLS13

        if who != self._reads_from:
            self._reads_from, self._session = who, self._session.mirror()
        sealed = record[0] == _SEALED
        layer: Any = TLS13 if sealed else TLS
        options = {"strict_integrity": True} if sealed else {}
        try:
            read = layer(record, tls_session=self._session, **options)
        except AEADTagError:
            raise ValueError("these secrets are not for this conversation") from None
        self._session = read.tls_session
        if who != self._client and self._session.tls_version not in (None, _TLS_1_3):
            raise ValueError("this conversation is not TLS 1.3")
        if sealed:
            text = b"".join(bytes(each) for each in read.inner.msg)
            yield DecryptedRecord(who, _KINDS[read.inner.type], text)
