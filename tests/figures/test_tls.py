"""What the picture of a TLS conversation says in words, and what it refuses to draw."""

import pytest

from sockets_lab.figures import tls_flights
from sockets_lab.tls import Flight
from tests.support.sample_figures_tls import FLIGHTS, untold, whole


def test_tells_who_sends_what_and_whether_it_is_in_clear() -> None:
    assert whole().words.splitlines() == [
        "client: ClientHello (in clear)",
        "server: ServerHello (in clear)",
        "server: change_cipher_spec (in clear)",
        "server: EncryptedExtensions, Certificate (encrypted)",
        "server: Finished (encrypted)",
        "client: alert: unknown_ca (in clear)",
    ]


def test_from_outside_what_is_encrypted_is_not_told() -> None:
    assert untold().words.splitlines()[3:5] == ["server: application_data (encrypted)"] * 2


def test_its_width_does_not_depend_on_sizes() -> None:
    short = [FLIGHTS[0], Flight("server", FLIGHTS[1].data[:49], (("ServerHello",),))]
    long = [FLIGHTS[0], Flight("server", FLIGHTS[1].data, FLIGHTS[1].inside)]
    assert tls_flights([*short, FLIGHTS[2]]).width <= tls_flights([*long, FLIGHTS[2]]).width


def test_refuses_what_is_none() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        tls_flights([])
    with pytest.raises(ValueError, match="not TLS"):
        tls_flights([Flight("client", b"GET / HTTP/1.1", ())])
