"""Pictures of addresses and of connection races: words, and input that is refused."""

import pytest

from sockets_lab.figures import address_bits, connection_race
from tests.support.sample_figures_addresses import RACES, all_bits, race, races


def test_words_count_bits_and_name_the_range() -> None:
    assert all_bits().words.splitlines() == [
        "192.0.2.1: 32 bits, 4 of them 1; the first 24 make it documentation",
        "8.8.8.8: 32 bits, 4 of them 1",
        "2001:db8::c0de:1: 128 bits, 18 of them 1; the first 32 make it documentation",
        "2600::1: 128 bits, 4 of them 1",
        "::ffff:192.0.2.1: 128 bits, 20 of them 1; the first 96 make it IPv4-mapped",
        "fe80::1%2: 128 bits, 9 of them 1; the first 10 make it link-local",
    ]


@pytest.mark.parametrize(
    ("addresses", "words"), [([], "nothing to draw"), (["localhost"], "no numeric address")]
)
def test_text_that_is_not_an_address_is_refused(addresses: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        address_bits(addresses)


def test_words_list_attempts_in_order() -> None:
    assert races().words.splitlines() == [
        "IPv6 refuses: 2001:db8:ffff:ffff::1 ECONNREFUSED, 192.0.2.1 connected",
        "IPv6 is silent: 2001:db8::1 given up, 192.0.2.1 connected",
        "there is no way at all: 2001:db8::1 ENETUNREACH, 192.0.2.1 EHOSTUNREACH",
    ]


def test_width_does_not_depend_on_times() -> None:
    one, other = (
        connection_race({"a": race(("::1", 0.0, ended, "connected"))}) for ended in (1e-5, 2.5)
    )
    assert one.width == other.width
    assert len(RACES) == 3


def test_races_without_attempts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one race"):
        connection_race({})
    with pytest.raises(ValueError, match="nothing was tried in 'a'"):
        connection_race({"a": race()})
