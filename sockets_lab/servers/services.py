"""What a server does for its clients, apart from how it serves many: bytes in, bytes out, no I/O.

A service is called once for each connection, and gives that connection's *conversation*: a function
that takes the bytes that have come, and returns the bytes to send. It is called with b"" when the
client has ended its stream, for last words. It raises `sockets_lab.framing.Violation` when the
client broke the protocol.
"""

from collections.abc import Callable

from sockets_lab.framing import LengthDecoder, encode_length

__all__ = ["Conversation", "Service", "deaf", "echo", "framed"]

Conversation = Callable[[bytes], bytes]
Service = Callable[[], Conversation]


def echo() -> Conversation:
    """Sends back whatever comes, as RFC 862 has it."""
    return _same


def framed() -> Conversation:
    """Answers each message with the same in capitals; a header of four bytes has its length.

    See `sockets_lab.framing`: a message longer than its MAX_LENGTH, and a stream that ends inside
    a message, are violations.
    """
    decoder = LengthDecoder()

    def converse(received: bytes) -> bytes:
        if not received:
            decoder.end()
            return b""
        return b"".join(encode_length(message.upper()) for message in decoder.feed(received))

    return converse


def deaf(received: bytes) -> bytes:
    """The conversation with a client that shall leave: whatever it says, there is no reply."""
    return b""


def _same(received: bytes) -> bytes:
    return received
