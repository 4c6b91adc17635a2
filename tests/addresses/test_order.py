"""RFC 6724 on its own examples, and against this machine's resolver."""

import ctypes
import os
import socket
import tempfile

import pytest

from sockets_lab.addresses import (
    RFC_3484,
    RFC_6724,
    Resolved,
    family_of,
    ipv6_works,
    ranked,
    resolve,
)
from sockets_lab.capabilities import has
from sockets_lab.netns import private_network


def answer(host: str) -> Resolved:
    family = family_of(host)
    sockaddr = (host, 80) if family == socket.AF_INET else (host, 80, 0, 0)
    return Resolved(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, sockaddr)


def order(sources: dict[str, str | None]) -> list[tuple[str, str]]:
    found = ranked(map(answer, sources), source=lambda one: sources[one.endpoint.host])
    return [(each.answer.endpoint.host, each.reason.partition(":")[0]) for each in found]


# The examples of RFC 6724, section 10.2, that need no rule left out: destination, source.
@pytest.mark.parametrize(
    ("first", "then", "rule"),
    [
        (("2001:db8:1::1", "2001:db8:1::2"), ("198.51.100.121", "169.254.13.78"), "rule 2"),
        (("198.51.100.121", "198.51.100.117"), ("2001:db8:1::1", "fe80::1"), "rule 2"),
        (("2001:db8:1::1", "2001:db8:1::2"), ("10.1.2.3", "10.1.2.4"), "rule 6"),
        (("fe80::1", "fe80::2"), ("2001:db8:1::1", "2001:db8:1::2"), "rule 8"),
        (("2002:c633:6401::1", "2002:c633:6401::2"), ("2001:db8:1::1", "fe80::2"), "rule 2"),
        (("2001:db8:1::1", "2001:db8:1::2"), ("2002:c633:6401::1", "2002:c633:6401::2"), "rule 6"),
        (("2001:db8:1::1", "2001:db8:1::2"), ("2001:db8:3ffe::1", "2001:db8:3f44::2"), "rule 9"),
        (("192.0.2.1", "192.0.2.2"), ("2001:db8::1", None), "rule 1"),
        (("2001:db8::1", "2001:db8::2"), ("2001:db8:5::1", "fd00::1"), "rule 5"),
    ],
)
def test_the_rule_decides(first, then, rule):
    assert order(dict([then, first])) == [(first[0], rule), (then[0], "")]
    assert order(dict([first, then])) == [(first[0], rule), (then[0], "")]


def test_keeps_the_order_where_no_rule_decides():
    sources = {"192.0.2.2": "10.0.0.1", "192.0.2.1": "10.0.0.1"}
    assert order(sources) == [("192.0.2.2", "rule 10"), ("192.0.2.1", "")]


def test_agrees_with_the_resolver_on_localhost():
    if not ipv6_works():
        pytest.skip("this machine cannot bind an IPv6 address")
    answers = resolve("localhost", 80)
    assert [each.answer for each in ranked(reversed(answers))] == list(answers)


def test_the_source_is_what_the_kernel_would_use(family):
    (only,) = ranked([answer(family.host)])
    assert only.source == family.host


MANY = ("192.0.2.1", "10.0.0.9", "2001:db8::1", "fd00::9", "127.0.0.1", "::1")


def by_the_resolver() -> tuple[list[str], list[list[str]]]:
    """Resolve a name with all these addresses, from a file in place of /etc/hosts."""
    libc, new_mounts, bind = ctypes.CDLL(None, use_errno=True), 0x20000, 4096
    with tempfile.NamedTemporaryFile("w") as hosts:
        hosts.writelines(f"{address} many.example\n" for address in MANY)
        hosts.flush()
        os.chmod(hosts.name, 0o644)
        if libc.unshare(new_mounts) or libc.mount(
            hosts.name.encode(), b"/etc/hosts", None, bind, None
        ):
            raise OSError(ctypes.get_errno(), "mount")
        found = [each.endpoint.host for each in resolve("many.example", 80)]
    answers = [each for address in MANY for each in resolve(address, 80)]
    ours = [
        [each.answer.endpoint.host for each in ranked(answers, policy=policy)]
        for policy in (RFC_6724, RFC_3484)
    ]
    return found, ours


@pytest.mark.skipif(not has("namespaces"), reason="this machine cannot make a private network")
def test_the_resolver_follows_one_policy():
    with private_network() as network:
        found, ours = network.host("client").run(by_the_resolver)
    assert len(found) == len(MANY)
    assert found in ours
    assert ours[0] != ours[1]
