"""Handshakes in memory: messages, faults, and that no key is left in a file."""

import gc
import os
import ssl
import stat
import tempfile
from pathlib import Path

import pytest

from sockets_lab.tls import (
    FAULTS,
    Authority,
    Certificate,
    certificates,
    client_context,
    connect_in_memory,
    revocation_checked,
    server_context,
    serving_names,
)
from sockets_lab.tls.handshakes import MemoryConnection
from tests.support.interrupting import interrupted_after

AUTHORITY = Authority()
SERVER_FLIGHT = (
    "ServerHello",
    "EncryptedExtensions",
    "Certificate",
    "CertificateVerify",
    "Finished",
)


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return AUTHORITY.issue("localhost", "127.0.0.1", "::1")


def inside(made: MemoryConnection) -> list[tuple[str, str]]:
    return [
        (flight.who, name) for flight in made.flights for names in flight.inside for name in names
    ]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_certificate_is_valid_for_each_name(certificate, name):
    made = connect_in_memory(client_context(AUTHORITY), server_context(certificate), name)
    assert [made.side(who).error for who in ("client", "server")] == ["", ""]
    assert made.side("client").version == "TLSv1.3"


@pytest.mark.skipif(not hasattr(ssl.SSLContext, "_msg_callback"), reason="a hook of CPython's")
def test_senders_report_encrypted_messages(certificate):
    made = connect_in_memory(client_context(AUTHORITY), server_context(certificate))
    assert inside(made) == [
        ("client", "ClientHello"),
        *(("server", name) for name in SERVER_FLIGHT),
        ("client", "Finished"),
        ("server", "NewSessionTicket"),
        ("server", "NewSessionTicket"),
    ]
    assert all(len(flight.inside) == len(flight.records) for flight in made.flights)


def refused(fault: str) -> MemoryConnection:
    bad = AUTHORITY.issue_faulty(fault, "localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if fault == "weak key":
        server.set_ciphers("DEFAULT:@SECLEVEL=0")
    bad.load_into(server)
    client = client_context(AUTHORITY)
    if fault == "revoked":
        assert connect_in_memory(client_context(AUTHORITY), server).side("client").error == ""
        revocation_checked(client, AUTHORITY.revocation_list(bad))
    return connect_in_memory(client, server)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_refused_with_its_alert(fault):
    made = refused(fault)
    alert = FAULTS[fault].alert
    assert "SSLCertVerificationError" in made.side("client").error
    assert made.side("server").error.lower().endswith(alert)
    if hasattr(ssl.SSLContext, "_msg_callback"):
        assert ("client", f"alert: {alert}") in inside(made)


def test_a_server_context_refuses_a_weak_key():
    with pytest.raises(ssl.SSLError, match="KEY_TOO_SMALL"):
        server_context(AUTHORITY.issue_faulty("weak key", "localhost"))


def test_refuses_an_unknown_fault():
    with pytest.raises(ValueError, match="choose one of: expired"):
        AUTHORITY.issue_faulty("too beautiful", "localhost")


def test_mutual_tls_needs_a_client_certificate(certificate):
    server = server_context(certificate, clients_of=AUTHORITY)
    shown = client_context(AUTHORITY, certificate=AUTHORITY.issue("lea.example"))
    assert connect_in_memory(shown, server).side("server").error == ""
    assert (
        "PEER_DID_NOT_RETURN"
        in connect_in_memory(client_context(AUTHORITY), server).side("server").error
    )
    wrong = client_context(
        AUTHORITY, certificate=Authority("Another Authority").issue("lea.example")
    )
    made = connect_in_memory(wrong, server)
    assert (
        made.side("client").error.lower().endswith("unknown_ca")
    )  # it learns this after its handshake


def test_a_client_cannot_use_a_server_certificate(certificate):
    server = server_context(certificate, clients_of=AUTHORITY)
    only = AUTHORITY.issue_for_servers_only("localhost")
    assert (
        connect_in_memory(client_context(AUTHORITY), server_context(only)).side("client").error
        == ""
    )
    made = connect_in_memory(client_context(AUTHORITY, certificate=only), server)
    assert "unsuitable certificate purpose" in made.side("server").error
    assert made.side("client").error.lower().endswith("unsupported_certificate")


def test_sni_selects_the_certificate(certificate):
    other = server_context(AUTHORITY.issue("other.example"))
    server = serving_names({"localhost": server_context(certificate), "other.example": other})
    client = client_context(AUTHORITY)
    for name in ("localhost", "other.example"):
        assert connect_in_memory(client, server, name).side("client").error == ""
    assert (
        "Hostname mismatch"
        in connect_in_memory(client, server, "third.example").side("client").error
    )
    with pytest.raises(ValueError, match="no name"):
        serving_names({})


def test_alpn_agrees_on_a_protocol(certificate):
    server = server_context(certificate, alpn=["http/1.1"])
    both = client_context(AUTHORITY, alpn=["h2", "http/1.1"])
    assert connect_in_memory(both, server).side("client").alpn == "http/1.1"
    assert connect_in_memory(client_context(AUTHORITY), server).side("server").alpn == ""


def test_versions_without_overlap(certificate):
    server = server_context(certificate, minimum=ssl.TLSVersion.TLSv1_3)
    old = client_context(AUTHORITY, maximum=ssl.TLSVersion.TLSv1_2)
    made = connect_in_memory(old, server)
    assert made.side("client").error.lower().endswith("protocol_version")
    assert made.flights[-1].records[0].alert == "protocol_version"


def test_a_session_is_resumed_without_a_certificate(certificate):
    client, server = client_context(AUTHORITY), server_context(certificate)
    first = connect_in_memory(client, server)
    again = connect_in_memory(client, server, session=first.session)
    assert [again.side(who).resumed for who in ("client", "server")] == [True, True]
    assert len(again.flights[1].data) < len(first.flights[1].data) / 2


def test_an_untrusted_server_is_refused(certificate):
    made = connect_in_memory(client_context(), server_context(certificate))
    assert "unable to get local issuer" in made.side("client").error


# Keys stay in memory


def test_no_file_is_left(certificate, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    modes = []
    real = ssl.SSLContext.load_cert_chain

    def checked(context, file):
        modes.append(stat.S_IMODE(Path(file).stat().st_mode))
        real(context, file)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", checked)
    connect_in_memory(
        client_context(AUTHORITY, certificate=certificate), server_context(certificate)
    )
    assert modes == [0o600] * 2 or os.name != "posix"
    revocation_checked(client_context(AUTHORITY), AUTHORITY.revocation_list(certificate))
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("delay_s", [0.0001, 0.0003, 0.001])
def test_no_file_is_left_by_an_interrupt(certificate, tmp_path, monkeypatch, delay_s):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def load_for_ever():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        while True:
            certificate.load_into(context)

    with pytest.raises(KeyboardInterrupt), interrupted_after(delay_s):
        load_for_ever()
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_not_shown(certificate):
    assert repr(certificate) == "<certificate for localhost, 127.0.0.1, ::1>"
    assert b"PRIVATE KEY" in certificate.key
    assert b"PRIVATE KEY" not in certificate.chain + AUTHORITY.pem
    assert certificates.FAULTS is FAULTS
