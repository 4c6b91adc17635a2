"""Canonical text against the standard library, and the reasons given for other text."""

import random
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockets_lab.addresses import (
    bits,
    canonical,
    mapped_ipv4,
    packed,
    ranges_of,
    why_not_canonical,
)
from sockets_lab.addresses.ranges import map_ipv4

MAPPED = 0xFFFF << 32
MANY = 100_000


def generated(many: int) -> Iterator[IPv6Address]:
    """Yield addresses with many zero groups: that is where texts differ."""
    chance = random.Random(5952)
    for _ in range(many):
        groups = [chance.choice((0, 0, 0, 1, 0xFFFF, chance.getrandbits(16))) for _ in range(8)]
        yield IPv6Address(b"".join(group.to_bytes(2) for group in groups))


def test_canonical_agrees_with_ipaddress():
    # Python before 3.13 writes a mapped address in hexadecimal: the next test covers those.
    tried = [each for each in generated(MANY) if int(each) >> 32 != 0xFFFF]
    assert len(tried) > MANY * 0.9
    assert [str(each) for each in tried] == [canonical(each.exploded) for each in tried]


def test_canonical_agrees_with_inet_ntop():
    for number in random.Random(4291).sample(range(2**32), 1000):
        address = IPv6Address(MAPPED | number)
        assert canonical(address.exploded) == socket.inet_ntop(socket.AF_INET6, address.packed)


@given(st.ip_addresses())
def test_canonical_text_reads_back(address):
    text = canonical(address.exploded)
    assert packed(text) == address.packed
    assert canonical(text) == text
    assert why_not_canonical(text) == ()


@given(st.ip_addresses())
def test_bits_are_those_of_the_number(address):
    assert int(bits(str(address)), 2) == int(address)
    assert len(bits(str(address))) == address.max_prefixlen


@pytest.mark.parametrize(
    ("text", "right", "words"),
    [
        ("2001:DB8::1", "2001:db8::1", ["capital"]),
        ("2001:0db8::1", "2001:db8::1", ["leading zeros"]),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", ["longest run"]),
        ("2001:db8:0:0:1::1", "2001:db8::1:0:0:1", ["longest run"]),
        ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1", ["longest run"]),
        ("::1.2.3.4", "::102:304", ["IPv4 notation"]),
        ("::ffff:102:304", "::ffff:1.2.3.4", ["IPv4 notation"]),
        ("FE80::01%eth0", "fe80::1%eth0", ["capital", "leading zeros"]),
        ("0:0:0:0:0:FFFF:1.2.3.4", "::ffff:1.2.3.4", ["capital", "longest run"]),
    ],
)
def test_explains_why_text_is_not_canonical(text, right, words):
    assert canonical(text) == right
    reasons = why_not_canonical(text)
    assert len(reasons) == len(words)
    assert all(word in reason for word, reason in zip(words, reasons, strict=True))


def test_every_other_text_has_a_reason():
    for address in generated(2000):
        assert why_not_canonical(address.exploded) or canonical(address.exploded) == str(address)


@pytest.mark.parametrize("text", ["127.1", "010.0.0.1", "::1::", "localhost", "", "[::1]", "1.2.3"])
def test_refuses_text_that_is_no_address(text):
    with pytest.raises(ValueError, match="not a numeric address"):
        canonical(text)


@pytest.mark.parametrize(
    ("host", "name", "rfc"),
    [
        ("127.9.9.9", "loopback", 1122),
        ("::1", "loopback", 4291),
        ("10.1.2.3", "private", 1918),
        ("172.31.0.1", "private", 1918),
        ("192.0.2.7", "documentation", 5737),
        ("2001:db8::5", "documentation", 3849),
        ("fe80::1%lo", "link-local", 4291),
        ("169.254.1.1", "link-local", 3927),
        ("fd00::1", "unique local", 4193),
        ("ff02::1", "multicast", 4291),
        ("239.1.1.1", "multicast", 1112),
        ("0.0.0.0", "unspecified", 1122),
        ("::", "unspecified", 4291),
        ("::ffff:192.0.2.1", "IPv4-mapped", 4291),
    ],
)
def test_names_the_range_and_its_rfc(host, name, rfc):
    narrowest = ranges_of(host)[0]
    assert (narrowest.name, narrowest.rfc) == (name, rfc)


def test_an_ordinary_address_is_in_no_range():
    assert ranges_of("8.8.8.8") == ranges_of("2600::1") == ()


def test_ranges_agree_with_ipaddress():
    chance = random.Random(6890)
    for _ in range(2000):
        address = IPv4Address(chance.getrandbits(32))
        names = {each.name for each in ranges_of(str(address))}
        assert ("loopback" in names) == address.is_loopback
        assert ("multicast" in names) == address.is_multicast
        assert ("link-local" in names) == address.is_link_local


def test_maps_ipv4_and_back():
    assert map_ipv4("192.0.2.1") == "::ffff:192.0.2.1"
    assert mapped_ipv4("::ffff:c000:201") == "192.0.2.1"
    assert mapped_ipv4("::1") is mapped_ipv4("192.0.2.1") is None
    with pytest.raises(ValueError, match="only those can be mapped"):
        map_ipv4("::1")
