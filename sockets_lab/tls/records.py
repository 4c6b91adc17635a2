"""TLS on the wire: records, and in them handshake messages, alerts and data.

A record is a type, a version, a length and that many bytes (RFC 8446, section 5.1). Handshake
messages have a type and a length again, and lie in records as bytes lie in a stream: several in one
record, or one in several. In TLS 1.3 every encrypted record has the outer type application_data.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = [
    "ALERTS",
    "ClientHello",
    "Message",
    "Record",
    "client_hello",
    "is_retry_request",
    "messages",
    "records",
]

_TYPES = {20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data"}
_MESSAGES = {
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    22: "CertificateStatus",
    24: "KeyUpdate",
}
ALERTS = {  # RFC 8446, section 6, and those of older versions
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    116: "certificate_required",
    120: "no_application_protocol",
}
_VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2"}
_VERSIONS |= {0x0304: "TLS 1.3"}
_SERVER_NAME, _ALPN, _SUPPORTED_VERSIONS, _PRE_SHARED_KEY = 0, 16, 43, 41
# The random that marks a ServerHello as a HelloRetryRequest: RFC 8446, section 4.1.3.
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class Record(NamedTuple):
    """One record: its outer type, its version field, and its payload.

    `kind` is "handshake", "alert", "application_data" or "change_cipher_spec"; the length on the
    wire is that of `payload` and 5 bytes of header.
    """

    kind: str
    version: int
    payload: bytes

    @property
    def size(self) -> int:
        """Return the bytes on the wire, header included."""
        return 5 + len(self.payload)

    @property
    def alert(self) -> str:
        """Return the description of an unencrypted alert, like "unknown_ca"; else ""."""
        if self.kind != "alert" or len(self.payload) != 2:
            return ""  # an encrypted alert of TLS 1.2 is longer
        return ALERTS.get(self.payload[1], f"alert {self.payload[1]}")


class Message(NamedTuple):
    """One unencrypted handshake message: its name, and its body without the 4-byte header."""

    name: str
    body: bytes


class ClientHello(NamedTuple):
    """A client's first message, which is not encrypted.

    server_name: the name it asks for ("" without one), alpn: protocols it speaks, versions: of TLS
    that it speaks, ciphers: how many suites it offers, resumes: True if it presents a ticket,
    random: 32 bytes, by which a key log identifies the connection
    """

    server_name: str
    alpn: tuple[str, ...]
    versions: tuple[str, ...]
    ciphers: int
    resumes: bool
    random: bytes


def records(data: bytes) -> list[Record]:
    """Return the records in what one side sent. ValueError if it is not TLS, or truncated."""
    found = []
    while data:
        if len(data) < 5:
            raise ValueError(f"{len(data)} bytes are too few for a record header")
        kind, version, length = struct.unpack_from("!BHH", data)
        if kind not in _TYPES or version >> 8 != 3:
            raise ValueError(f"this is not TLS: no record begins with {data[:3].hex(' ')}")
        if len(data) < 5 + length:
            raise ValueError(f"the record is truncated: {len(data) - 5} of {length} bytes")
        found.append(Record(_TYPES[kind], version, data[5 : 5 + length]))
        data = data[5 + length :]
    return found


def messages(records: Sequence[Record]) -> list[Message]:
    """Return the unencrypted handshake messages in records; encrypted ones cannot be read."""
    stream = b"".join(record.payload for record in records if record.kind == "handshake")
    found = []
    while len(stream) >= 4:
        length = int.from_bytes(stream[1:4])
        if stream[0] not in _MESSAGES or len(stream) < 4 + length:
            break  # encrypted, as the last message of TLS 1.2 is
        found.append(Message(_MESSAGES[stream[0]], stream[4 : 4 + length]))
        stream = stream[4 + length :]
    return found


def name_of_message(kind: int) -> str:
    """Return the name of a handshake message type."""
    return _MESSAGES.get(kind, f"message {kind}")


def is_retry_request(message: Message) -> bool:
    """Return True for a ServerHello that asks for another ClientHello (RFC 8446, section 4.1.4)."""
    return message.name == "ServerHello" and message.body[2:34] == _RETRY


def client_hello(data: bytes) -> ClientHello:
    """Parse what a client sent first. Raise ValueError if it is not a ClientHello, or truncated."""
    first = next(iter(messages(records(data))), None)
    if first is None or first.name != "ClientHello":
        raise ValueError("the data does not begin with a ClientHello")
    reader = _Reader(first.body)
    reader.take(2)  # the version before TLS 1.3
    random = reader.take(32)
    reader.vector(1)  # session id
    ciphers = len(reader.vector(2)) // 2
    reader.vector(1)  # compression
    extensions = dict(_extensions(_Reader(reader.vector(2))))
    return ClientHello(
        _server_name(extensions.get(_SERVER_NAME, b"")),
        tuple(each.decode("ascii", "replace") for each in _alpn(extensions.get(_ALPN, b""))),
        tuple(_versions(extensions.get(_SUPPORTED_VERSIONS, b""))),
        ciphers,
        _PRE_SHARED_KEY in extensions,
        random,
    )


class _Reader:
    """A parser that reads a message from the front; ValueError where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, length: int) -> bytes:
        if len(self.data) < length:
            raise ValueError(f"truncated: {length} bytes announced, only {len(self.data)} left")
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def vector(self, length_of_length: int) -> bytes:
        return self.take(self.number(length_of_length))


def _extensions(reader: _Reader) -> Iterator[tuple[int, bytes]]:
    while reader.data:
        yield reader.number(2), reader.vector(2)


def _server_name(extension: bytes) -> str:
    if not extension:
        return ""
    reader = _Reader(_Reader(extension).vector(2))
    reader.number(1)  # host_name, the only type there is
    return reader.vector(2).decode("ascii", "replace")


def _alpn(extension: bytes) -> Iterator[bytes]:
    reader = _Reader(_Reader(extension).vector(2) if extension else b"")
    while reader.data:
        yield reader.vector(1)


def _versions(extension: bytes) -> Iterator[str]:
    reader = _Reader(_Reader(extension).vector(1) if extension else b"")
    while reader.data:
        number = reader.number(2)
        yield _VERSIONS.get(number, f"{number:#06x}")
