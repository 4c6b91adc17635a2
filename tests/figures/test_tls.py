"""Pictures of TLS handshakes: words, width, and input that is refused."""

import pytest

from sockets_lab.figures import tls_flights
from sockets_lab.tls import Flight
from tests.support.sample_figures_tls import FLIGHTS, from_outside, whole


def test_words_name_sender_content_and_encryption() -> None:
    assert whole().words.splitlines() == [
        "client: ClientHello (in clear)",
        "server: ServerHello (in clear)",
        "server: change_cipher_spec (in clear)",
        "server: EncryptedExtensions, Certificate (encrypted)",
        "server: Finished (encrypted)",
        "client: alert: unknown_ca (in clear)",
    ]


def test_encrypted_content_unknown_from_outside() -> None:
    assert from_outside().words.splitlines()[3:5] == ["server: application_data (encrypted)"] * 2


def test_width_does_not_depend_on_sizes() -> None:
    short = [FLIGHTS[0], Flight("server", FLIGHTS[1].data[:49], (("ServerHello",),))]
    long = [FLIGHTS[0], Flight("server", FLIGHTS[1].data, FLIGHTS[1].inside)]
    assert tls_flights([*short, FLIGHTS[2]]).width <= tls_flights([*long, FLIGHTS[2]]).width


def test_input_that_is_not_tls_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        tls_flights([])
    with pytest.raises(ValueError, match="no TLS"):
        tls_flights([Flight("client", b"GET / HTTP/1.1", ())])
