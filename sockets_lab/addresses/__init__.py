"""Addresses of both families: their text, bytes and bits, their ranges, and names for them.

- `endpoints`: an address and a port, read and written
- `text`: bytes, bits and the one canonical text
- `ranges`: what an address is set apart for
- `resolving`, `order`: the addresses of a name, and in which order to try them
- `loopbacks`: this machine, as it reaches itself
"""

from sockets_lab.addresses.endpoints import (
    Endpoint,
    endpoint_of,
    format_endpoint,
    parse_endpoint,
)
from sockets_lab.addresses.loopbacks import ipv6_works, is_loopback, loopback
from sockets_lab.addresses.numeric import family_of
from sockets_lab.addresses.order import RFC_3484, RFC_6724, Ranked, ranked, source_for
from sockets_lab.addresses.ranges import RANGES, Range, map_ipv4, mapped_ipv4, ranges_of
from sockets_lab.addresses.resolving import Resolved, resolve
from sockets_lab.addresses.text import bits, canonical, packed, why_not_canonical

__all__ = [
    "RANGES",
    "RFC_3484",
    "RFC_6724",
    "Endpoint",
    "Range",
    "Ranked",
    "Resolved",
    "bits",
    "canonical",
    "endpoint_of",
    "family_of",
    "format_endpoint",
    "ipv6_works",
    "is_loopback",
    "loopback",
    "map_ipv4",
    "mapped_ipv4",
    "packed",
    "parse_endpoint",
    "ranges_of",
    "ranked",
    "resolve",
    "source_for",
    "why_not_canonical",
]
