"""Hand-made TLS handshakes and pictures of them; the bytes inside records do not matter here."""

import struct
from collections.abc import Callable

from sockets_lab.figures import Picture, tls_flights
from sockets_lab.tls import Flight


def record(kind: int, payload: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(payload)) + payload


def hello(kind: int) -> bytes:
    return record(22, bytes([kind]) + (40).to_bytes(3) + bytes(40))


SECRET = record(23, bytes(80))
FLIGHTS = (
    Flight("client", hello(1), (("ClientHello",),)),
    Flight(
        "server",
        hello(2) + record(20, b"\1") + SECRET + record(23, bytes(16_000)),
        (("ServerHello",), (), ("EncryptedExtensions", "Certificate"), ("Finished",)),
    ),
    Flight("client", record(21, b"\2\x30"), (("alert: unknown_ca",),)),
)


def whole() -> Picture:
    return tls_flights(FLIGHTS, title="A handshake that fails")


def from_outside() -> Picture:
    """Draw a handshake whose encrypted messages are unknown."""
    return tls_flights([each._replace(inside=()) for each in FLIGHTS])


TLS_PICTURES: dict[str, Callable[[], Picture]] = {
    "a TLS handshake": whole,
    "a TLS handshake from outside": from_outside,
    "one TLS record": lambda: tls_flights(FLIGHTS[:1]),
}
