"""TLS for lessons: certificates made on the spot, contexts, and the bytes of a handshake.

- `certificates`: an authority of one's own, good certificates, and a gallery of bad ones
- `contexts`: plain `ssl.SSLContext`s for servers and clients
- `handshakes`: a client and a server joined in memory
- `files`: the one moment in which a key is in a file, and not in memory
- `records`: records, handshake messages and alerts, read from the bytes
"""

from sockets_lab.tls.certificates import FAULTS, Authority, Certificate, Fault
from sockets_lab.tls.contexts import (
    client_context,
    revocation_checked,
    server_context,
    serving_names,
)
from sockets_lab.tls.handshakes import Flight, MemoryConnection, Side, connect_in_memory
from sockets_lab.tls.records import (
    ClientHello,
    Message,
    Record,
    client_hello,
    is_retry_request,
    messages,
    records,
)

__all__ = [
    "FAULTS",
    "Authority",
    "Certificate",
    "ClientHello",
    "Fault",
    "Flight",
    "MemoryConnection",
    "Message",
    "Record",
    "Side",
    "client_context",
    "client_hello",
    "connect_in_memory",
    "is_retry_request",
    "messages",
    "records",
    "revocation_checked",
    "server_context",
    "serving_names",
]
