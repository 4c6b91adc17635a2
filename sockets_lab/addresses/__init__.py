"""Addresses of both families: their text, bytes and bits, their ranges, and names for them.

- `endpoints`: an address and a port, read and written
- `text`: bytes, bits and the one canonical text
- `ranges`: what an address is reserved for
- `resolving`, `order`: the addresses of a name, and in which order to try them
- `loopbacks`: the addresses by which a machine reaches itself
"""

from sockets_lab.addresses.endpoints import Endpoint, endpoint_of
from sockets_lab.addresses.loopbacks import ipv6_works, is_loopback, loopback
from sockets_lab.addresses.numeric import family_of
from sockets_lab.addresses.order import RFC_3484, RFC_6724, ranked
from sockets_lab.addresses.ranges import mapped_ipv4, ranges_of
from sockets_lab.addresses.resolving import Resolved, resolve
from sockets_lab.addresses.text import bits, canonical, packed, why_not_canonical

__all__ = [
    "RFC_3484",
    "RFC_6724",
    "Endpoint",
    "Resolved",
    "bits",
    "canonical",
    "endpoint_of",
    "family_of",
    "ipv6_works",
    "is_loopback",
    "loopback",
    "mapped_ipv4",
    "packed",
    "ranges_of",
    "ranked",
    "resolve",
    "why_not_canonical",
]
