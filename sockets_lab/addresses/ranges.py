"""Ranges of addresses with a special meaning, each with the RFC that reserved it.

The list is the part of IANA's registries of special-purpose addresses (RFC 6890) that a server
meets, and the multicast ranges.
"""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import NamedTuple

from sockets_lab.addresses.numeric import numeric

__all__ = ["RANGES", "Range", "map_ipv4", "mapped_ipv4", "ranges_of"]


class Range(NamedTuple):
    """A range of addresses: its name, its network, the RFC that defines it, and its use."""

    name: str
    network: IPv4Network | IPv6Network
    rfc: int
    use: str


def _range(name: str, network: str, rfc: int, use: str) -> Range:
    return Range(name, ip_network(network), rfc, use)


RANGES = (
    _range("unspecified", "0.0.0.0/32", 1122, "bind: every address of this machine"),
    _range("this network", "0.0.0.0/8", 791, "a source before it has an address"),
    _range("private", "10.0.0.0/8", 1918, "inside a site, not routed on the internet"),
    _range("private", "172.16.0.0/12", 1918, "inside a site, not routed on the internet"),
    _range("private", "192.168.0.0/16", 1918, "inside a site, not routed on the internet"),
    _range("shared", "100.64.0.0/10", 6598, "between a provider's customers and its translator"),
    _range("loopback", "127.0.0.0/8", 1122, "this machine, from itself"),
    _range("link-local", "169.254.0.0/16", 3927, "this link, where nothing gives out addresses"),
    _range("documentation", "192.0.2.0/24", 5737, "examples"),
    _range("documentation", "198.51.100.0/24", 5737, "examples"),
    _range("documentation", "203.0.113.0/24", 5737, "examples"),
    _range("multicast", "224.0.0.0/4", 1112, "a group of receivers"),
    _range("limited broadcast", "255.255.255.255/32", 919, "every host of this link"),
    _range("unspecified", "::/128", 4291, "bind: every address of this machine"),
    _range("loopback", "::1/128", 4291, "this machine, from itself"),
    _range("IPv4-mapped", "::ffff:0:0/96", 4291, "an IPv4 client of an IPv6 socket"),
    _range("translated", "64:ff9b::/96", 6052, "an IPv4 address behind a translator (NAT64)"),
    _range("documentation", "2001:db8::/32", 3849, "examples"),
    _range("documentation", "3fff::/20", 9637, "examples"),
    _range("unique local", "fc00::/7", 4193, "inside a site, not routed on the internet"),
    _range("link-local", "fe80::/10", 4291, "this link; every IPv6 interface has one"),
    _range("multicast", "ff00::/8", 4291, "a group of receivers"),
)


def ranges_of(host: str) -> tuple[Range, ...]:
    """Return the special ranges that contain an address, narrowest first; () for an ordinary one.

    A scope is ignored. ValueError if `host` is not a numeric address.
    """
    address = numeric(host.partition("%")[0])
    found = [each for each in RANGES if address in each.network]
    return tuple(sorted(found, key=lambda each: -each.network.prefixlen))


def mapped_ipv4(host: str) -> str | None:
    """Return the IPv4 address in an IPv4-mapped one, such as "::ffff:192.0.2.1"; else None."""
    address = numeric(host.partition("%")[0])
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(inner) if inner else None


def map_ipv4(host: str) -> str:
    """Return the IPv4-mapped IPv6 address of an IPv4 host (RFC 4291, section 2.5.5.2).

    ValueError if `host` is not an IPv4 address.
    """
    address = numeric(host)
    if isinstance(address, IPv6Address):
        raise ValueError(f"{host!r} is not an IPv4 address; only those can be mapped")
    return f"::ffff:{address}"
