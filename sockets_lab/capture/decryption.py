"""Decrypt your captured TLS 1.3 connection with its key log.

With `SSLContext.keylog_filename` set, Python writes the secrets of each connection to a file, in
the format that Wireshark reads (SSLKEYLOGFILE): a line is a label, such as
"CLIENT_TRAFFIC_SECRET_0", the random of the ClientHello, and the secret. The keys of every record
are derived from the secrets: RFC 8446, sections 5.2, 5.3 and 7.3. scapy's TLS layer does
that, and takes as long to import as the rest of scapy.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sockets_lab.capture.pcap import quiet
from sockets_lab.tls import Record, client_hello, messages

__all__ = ["DecryptedRecord", "decrypt"]

_KINDS = {21: "alert", 22: "handshake", 23: "application_data"}
_ENCRYPTED = 23  # the outer type of every encrypted record
_TLS_1_3 = 0x0304


class DecryptedRecord(NamedTuple):
    """Decrypted record: its sender, its real content type, and its plaintext."""

    who: str
    kind: str
    text: bytes

    @property
    def messages(self) -> tuple[str, ...]:
        """Return the names of the handshake messages in it; () for another kind."""
        return tuple(each.name for each in messages([Record(self.kind, 0, self.text)]))


def decrypt(pieces: Iterable[tuple[str, bytes]], key_log: str) -> list[DecryptedRecord]:
    """Decrypt every encrypted record of one connection, from its ClientHello on.

    pieces: (sender, bytes) in the order of the capture; the first is the client. A record may be
    split between pieces, and one that is incomplete at the end is left out. key_log: the text of
    the file; lines of other connections do not matter. Raises ValueError for anything but TLS 1.3,
    and for secrets of another connection.
    """
    found: list[DecryptedRecord] = []
    reader: _Reader | None = None
    with quiet():
        for sender, record in _whole_records(pieces):
            reader = reader or _Reader(sender, record, key_log)
            found += reader.read(sender, record)
    if reader is None:
        raise ValueError("there is no whole record in this connection")
    return found


def _whole_records(pieces: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    rest: dict[str, bytes] = {}
    for sender, data in pieces:
        received = rest.get(sender, b"") + data
        while len(received) >= (size := 5 + int.from_bytes(received[3:5])):
            yield sender, received[:size]
            received = received[size:]
        rest[sender] = received


class _Reader:
    """Reader of the records of both sides, with scapy's session seen from either end in turn."""

    def __init__(self, client: str, hello: bytes, key_log: str) -> None:
        from scapy.layers.tls import session

        random = client_hello(hello).random
        lines = [line for line in key_log.splitlines() if random.hex() in line.lower().split()]
        if not lines:
            raise ValueError("this key log has no secret of this connection")
        new_session: Any = session.tlsSession
        self._client = self._reads_from = client
        self._session = new_session(connection_end="server")
        self._session.nss_keys = session.parse_nss_keys("\n".join(lines))

    def read(self, sender: str, record: bytes) -> Iterator[DecryptedRecord]:
        from scapy.layers.tls.crypto.cipher_aead import AEADTagError
        from scapy.layers.tls.record import TLS
        from scapy.layers.tls.record_tls13 import TLS13

        if sender != self._reads_from:
            self._reads_from, self._session = sender, self._session.mirror()
        encrypted = record[0] == _ENCRYPTED
        layer: Any = TLS13 if encrypted else TLS
        options = {"strict_integrity": True} if encrypted else {}
        try:
            read = layer(record, tls_session=self._session, **options)
        except AEADTagError:
            raise ValueError("these secrets are of another connection") from None
        self._session = read.tls_session
        if sender != self._client and self._session.tls_version not in (None, _TLS_1_3):
            raise ValueError("this connection is not TLS 1.3")
        if encrypted:
            text = b"".join(bytes(each) for each in read.inner.msg)
            yield DecryptedRecord(sender, _KINDS[read.inner.type], text)
