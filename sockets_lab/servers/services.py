"""What a server does for its clients, whatever its model: bytes in, bytes out, no I/O.

A service is called once for each connection and returns that connection's *responder*: a function
that takes the bytes received and returns the bytes to send. The server calls it with b"" at the end
of the client's stream, for a last reply. It raises `sockets_lab.framing.Violation` when the client
broke the protocol.
"""

from collections.abc import Callable

from sockets_lab.framing import LengthDecoder, encode_length

__all__ = ["Responder", "Service", "echo", "framed"]

Responder = Callable[[bytes], bytes]
Service = Callable[[], Responder]


def echo() -> Responder:
    """Return a responder that sends every byte back, as RFC 862 describes."""
    return _unchanged


def framed() -> Responder:
    """Return a responder that answers each message in capitals, behind a 4-byte length header.

    See `sockets_lab.framing`: a message longer than its MAX_LENGTH, and a stream that ends inside
    a message, are violations.
    """
    decoder = LengthDecoder()

    def respond(received: bytes) -> bytes:
        if not received:
            decoder.end()
            return b""
        return b"".join(encode_length(message.upper()) for message in decoder.feed(received))

    return respond


def _unchanged(received: bytes) -> bytes:
    return received
