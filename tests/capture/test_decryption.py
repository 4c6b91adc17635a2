"""Conversations over TLS, decrypt with their key log, and with no other secrets."""

import ssl
from pathlib import Path
from typing import NamedTuple

import pytest

from sockets_lab.capture import decrypt
from sockets_lab.tls import Authority, client_context, connect_in_memory, server_context

AUTHORITY = Authority()
CERTIFICATE = AUTHORITY.issue("localhost")
SENT = (("client", b"my password"), ("server", b"x" * 20_000), ("client", b"thanks"))
SERVER_SENDS = ["EncryptedExtensions", "Certificate", "CertificateVerify", "Finished"]


class Exchange(NamedTuple):
    pieces: list[tuple[str, bytes]]
    key_log: str
    session: ssl.SSLSession


@pytest.fixture
def exchanged(tmp_path: Path):
    def exchanged(server=None, client=None, session=None):
        client = client or client_context(AUTHORITY)
        client.keylog_filename = tmp_path / "keys"
        made = connect_in_memory(client, server or server_context(CERTIFICATE), session=session)
        for who, data in SENT:
            assert made.send(who, data) == data
        client.keylog_filename = None
        key_log = (tmp_path / "keys").read_text()
        (tmp_path / "keys").unlink()
        return Exchange([(each.who, each.data) for each in made.flights], key_log, made.session)

    return exchanged


def asks_again():
    """Return the context of a server whose curve the client guesses wrong."""
    server = server_context(CERTIFICATE)
    server.set_ecdh_curve("secp384r1")
    return server


def expect_all_that_was_sent(read):
    for side in ("client", "server"):
        pieces = [one.text for one in read if (one.who, one.kind) == (side, "application_data")]
        assert b"".join(pieces) == b"".join(text for who, text in SENT if who == side)


@pytest.mark.parametrize("retry", [False, True])
def test_what_was_sent_is_read_again(exchanged, retry):
    exchange = exchanged(server=asks_again() if retry else None)
    assert not any(text in data for _, data in exchange.pieces for _, text in SENT)
    read = decrypt(exchange.pieces, exchange.key_log)
    expect_all_that_was_sent(read)
    names = [name for one in read for name in one.messages if one.who == "server"]
    assert names[:4] == SERVER_SENDS
    assert set(names[4:]) == {"NewSessionTicket"}


def test_a_resumed_session_has_no_certificate(exchanged):
    client = client_context(AUTHORITY)
    server = server_context(CERTIFICATE)
    first = exchanged(server, client)
    exchange = exchanged(server, client, first.session)
    read = decrypt(exchange.pieces, exchange.key_log)
    expect_all_that_was_sent(read)
    assert not any("Certificate" in one.messages for one in read)


def test_a_client_certificate_is_decrypted(exchanged):
    client = client_context(AUTHORITY, certificate=AUTHORITY.issue("lea.example"))
    exchange = exchanged(server_context(CERTIFICATE, clients_of=AUTHORITY), client)
    read = decrypt(exchange.pieces, exchange.key_log)
    expect_all_that_was_sent(read)
    (shown,) = (one.text for one in read if one[0] == "client" and "Certificate" in one.messages)
    assert b"lea.example" in shown


def test_records_may_be_torn(exchanged):
    exchange = exchanged()
    pieces = [
        (who, data[at : at + 7]) for who, data in exchange.pieces for at in range(0, len(data), 7)
    ]
    assert decrypt(pieces, exchange.key_log) == decrypt(exchange.pieces, exchange.key_log)
    assert decrypt(pieces[:-1], exchange.key_log) == decrypt(exchange.pieces, exchange.key_log)[:-1]


def test_others_may_be_in_the_key_log(exchanged):
    one, other = exchanged(), exchanged()
    expect_all_that_was_sent(decrypt(one.pieces, f"# two\n{other.key_log}{one.key_log}"))
    for key_log in (other.key_log, "", "no key log"):
        with pytest.raises(ValueError, match="no secret of this connection"):
            decrypt(one.pieces, key_log)


@pytest.mark.parametrize("stage", ["HANDSHAKE_TRAFFIC_SECRET", "TRAFFIC_SECRET_0"])
@pytest.mark.parametrize("side", ["CLIENT", "SERVER"])
def test_each_secret_is_needed(exchanged, side, stage):
    exchange = exchanged()
    lines = exchange.key_log.splitlines(keepends=True)
    (line,) = (line for line in lines if line.startswith(f"{side}_{stage} "))
    wrong = line.replace(line.split()[2], "00" * 48)
    for instead in ("", wrong):
        with pytest.raises(ValueError, match="of another connection"):
            decrypt(exchange.pieces, exchange.key_log.replace(line, instead))


def test_what_is_not_tls_1_3_is_refused(exchanged):
    exchange = exchanged(client=client_context(AUTHORITY, maximum=ssl.TLSVersion.TLSv1_2))
    with pytest.raises(ValueError, match="is not TLS"):
        decrypt(exchange.pieces, exchange.key_log)
    for pieces in (
        [],
        [("client", b"GET / HTTP/1.1")],
        exchange.pieces[1:],
        [("client", bytes(30))],
    ):
        with pytest.raises(ValueError, match=r"no whole record|ClientHello|not TLS"):
            decrypt(pieces, exchange.key_log)
