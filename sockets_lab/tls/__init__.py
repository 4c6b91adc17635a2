"""TLS for lessons: throwaway certificates, contexts, and the bytes of a handshake.

- `certificates`: a throwaway certificate authority (CA), valid and deliberately broken certificates
- `contexts`: plain `ssl.SSLContext`s for servers and clients
- `handshakes`: a client and a server connected in memory
- `files`: a temporary file for a key, since `ssl` loads keys only from files
- `records`: records, handshake messages and alerts, parsed from the bytes
"""

from sockets_lab.tls.certificates import FAULTS, Authority, Certificate
from sockets_lab.tls.contexts import (
    client_context,
    revocation_checked,
    server_context,
    serving_names,
)
from sockets_lab.tls.handshakes import Flight, connect_in_memory
from sockets_lab.tls.records import (
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
    "Flight",
    "Record",
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
