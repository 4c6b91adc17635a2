"""Hand-made addresses and races between them, and pictures of them."""

from collections.abc import Callable

from sockets_lab.addresses import Endpoint
from sockets_lab.figures import Picture, address_bits, connection_race
from sockets_lab.happy_eyeballs import Attempt, Race


def race(*attempts: tuple[str, float, float, str]) -> Race:
    made = [Attempt(Endpoint(host, 443), *times, how) for host, *times, how in attempts]
    return Race(tuple(made), None)


RACES = {
    "IPv6 refuses": race(
        ("2001:db8:ffff:ffff::1", 0.0, 0.001, "ECONNREFUSED"),
        ("192.0.2.1", 0.001, 0.02, "connected"),
    ),
    "IPv6 is silent": race(
        ("2001:db8::1", 0.0, 0.3, "given up"), ("192.0.2.1", 0.25, 0.3, "connected")
    ),
    "there is no way at all": race(
        ("2001:db8::1", 0.0, 0.00001, "ENETUNREACH"), ("192.0.2.1", 0.00001, 3.0, "EHOSTUNREACH")
    ),
}


def races() -> Picture:
    return connection_race(RACES)


def one_race() -> Picture:
    return connection_race({"immediate": race(("::1", 0.0, 0.0, "connected"))}, note="a note")


def all_bits() -> Picture:
    return address_bits(
        ["192.0.2.1", "8.8.8.8", "2001:db8::c0de:1", "2600::1", "::ffff:192.0.2.1", "fe80::1%2"]
    )


def one_address() -> Picture:
    return address_bits(["127.0.0.1"], title="One")


ADDRESS_PICTURES: dict[str, Callable[[], Picture]] = {
    "races": races,
    "one race": one_race,
    "bits of addresses": all_bits,
    "bits of one address": one_address,
}
