"""The order in which to try a name's addresses, and why (RFC 6724, destination address selection).

The resolver sorts by rules, one after the other until one decides. They look at each address, and
at the *source* that the kernel would use to reach it. Rules 3, 4 and 7 depend on what only the
kernel knows (addresses about to expire, mobile ones, tunnels) and are left out.
"""

import socket
from collections.abc import Callable, Iterable
from functools import cmp_to_key
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from itertools import pairwise
from typing import NamedTuple, cast

from sockets_lab.addresses.numeric import numeric
from sockets_lab.addresses.resolving import Resolved

__all__ = ["RFC_3484", "RFC_6724", "Policy", "RankedAddress", "ranked", "source_for"]

_LINK, _SITE, _GLOBAL = 0x2, 0x5, 0xE  # the scopes of RFC 4291, section 2.7

Policy = tuple[tuple[IPv4Network | IPv6Network, int, int], ...]


def _policy_of(*rows: tuple[str, int, int]) -> Policy:
    return tuple((ip_network(prefix), precedence, label) for prefix, precedence, label in rows)


RFC_6724 = _policy_of(  # section 2.1: prefix, precedence, label
    ("::1/128", 50, 0),
    ("::/0", 40, 1),
    ("::ffff:0:0/96", 35, 4),
    ("2002::/16", 30, 2),
    ("2001::/32", 5, 5),
    ("fc00::/7", 3, 13),
    ("::/96", 1, 3),
    ("fec0::/10", 1, 11),
    ("3ffe::/16", 1, 12),
)
RFC_3484 = _policy_of(  # section 2.1 of its predecessor, which glibc's gai.conf(5) follows
    ("::1/128", 50, 0),
    ("::/0", 40, 1),
    ("2002::/16", 30, 2),
    ("::/96", 20, 3),
    ("::ffff:0:0/96", 10, 4),
)


class RankedAddress(NamedTuple):
    """One address and why it comes before the next.

    `source` is the address that this machine would use to reach it, None where it has no route.
    `precedence` and `label` come from the policy. `reason` is the rule that puts it before the next
    one, "" for the last.
    """

    answer: Resolved
    source: str | None
    precedence: int
    label: int
    reason: str


class _Candidate(NamedTuple):
    answer: Resolved
    source: str | None
    policy: Policy

    @property
    def host(self) -> str:
        return self.answer.endpoint.host


def source_for(answer: Resolved) -> str | None:
    """Return the source address that the kernel would use to reach an answer; None without a route.

    Connecting a UDP socket sends nothing: it only makes the kernel choose (connect(2)).
    """
    try:
        with socket.socket(answer.family, socket.SOCK_DGRAM) as probe:
            probe.connect((answer.sockaddr[0], answer.sockaddr[1] or 9, *answer.sockaddr[2:]))
            return cast(str, probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return None


def ranked(
    answers: Iterable[Resolved],
    *,
    source: Callable[[Resolved], str | None] = source_for,
    policy: Policy = RFC_6724,
) -> tuple[RankedAddress, ...]:
    """Sort answers of `resolve` as RFC 6724 does, each with the rule that decided.

    source: returns the address that would be used to reach an answer; asks the kernel by default
    policy: the table of precedences and labels, `RFC_6724` or `RFC_3484`
    """
    candidates = [_Candidate(answer, source(answer), policy) for answer in answers]
    candidates.sort(key=cmp_to_key(_order))
    reasons = [_compare(one, other)[1] for one, other in pairwise(candidates)]
    return tuple(
        RankedAddress(each.answer, each.source, *_entry(each.host, policy), reason)
        for each, reason in zip(candidates, [*reasons, ""], strict=True)
    )


def _order(one: _Candidate, other: _Candidate) -> int:
    return _compare(one, other)[0]


def _compare(one: _Candidate, other: _Candidate) -> tuple[int, str]:
    """Return which comes first (-1, 0, 1), and by which rule."""
    for rule, score in _RULES:
        scores = score(one), score(other)
        if scores[0] != scores[1]:
            return (-1 if scores[0] > scores[1] else 1), rule
    if _family(one) == _family(other):
        shared = _common_bits(one), _common_bits(other)
        if shared[0] != shared[1]:
            return (-1 if shared[0] > shared[1] else 1), "rule 9: its source shares a longer prefix"
    return 0, "rule 10: the order of the resolver"


def _matches_scope(candidate: _Candidate) -> bool:
    return candidate.source is not None and _scope(candidate.host) == _scope(candidate.source)


def _matches_label(candidate: _Candidate) -> bool:
    _, source, policy = candidate
    return source is not None and _entry(candidate.host, policy)[1] == _entry(source, policy)[1]


_RULES: tuple[tuple[str, Callable[[_Candidate], int]], ...] = (
    ("rule 1: this machine has a route to it", lambda each: each.source is not None),
    ("rule 2: its source has the same scope", _matches_scope),
    ("rule 5: its source has the same label", _matches_label),
    ("rule 6: a higher precedence", lambda each: _entry(each.host, each.policy)[0]),
    ("rule 8: a smaller scope", lambda each: -_scope(each.host)),
)


def _entry(host: str, policy: Policy) -> tuple[int, int]:
    """Return precedence and label of the longest prefix that matches."""
    address = _as_ipv6(host)
    matching = [entry for entry in policy if address in entry[0]]
    _, precedence, label = max(matching, key=lambda entry: entry[0].prefixlen)
    return precedence, label


def _as_ipv6(host: str) -> IPv6Address:
    address = numeric(host)
    return IPv6Address(f"::ffff:{address}") if isinstance(address, IPv4Address) else address


def _scope(host: str) -> int:
    address = numeric(host)
    if isinstance(address, IPv6Address) and address.is_multicast:
        return address.packed[1] & 0xF
    if address.is_loopback or address.is_link_local:
        return _LINK
    return _SITE if isinstance(address, IPv6Address) and address.is_site_local else _GLOBAL


def _family(candidate: _Candidate) -> int:
    return numeric(candidate.host).version


def _common_bits(candidate: _Candidate) -> int:
    """Count the leading bits that an address and its source share: 64 at most for IPv6."""
    if candidate.source is None:
        return 0
    one, other = _as_ipv6(candidate.host), _as_ipv6(candidate.source)
    return min(64 if _family(candidate) == 6 else 128, 128 - (int(one) ^ int(other)).bit_length())
