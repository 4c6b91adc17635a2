"""Records and messages, parsed from real and from hostile bytes."""

import ssl
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockets_lab.tls import (
    Authority,
    client_context,
    client_hello,
    connect_in_memory,
    is_retry_request,
    messages,
    records,
    server_context,
)

AUTHORITY = Authority()


@pytest.fixture(scope="module")
def server() -> ssl.SSLContext:
    return server_context(AUTHORITY.issue("localhost"), alpn=["http/1.1"])


def test_parses_a_client_hello(server):
    flights = connect_in_memory(client_context(AUTHORITY, alpn=["h2", "http/1.1"]), server).flights
    hello = client_hello(flights[0].data)
    assert hello.server_name == "localhost"
    assert hello.alpn == ("h2", "http/1.1")
    assert hello.versions == ("TLS 1.3", "TLS 1.2")
    assert hello.ciphers > 3
    assert not hello.resumes


def test_no_server_name_for_an_address_or_none(server):
    context = client_context(AUTHORITY)
    context.check_hostname = False
    for name in ("127.0.0.1", None):
        assert (
            client_hello(connect_in_memory(context, server, name).flights[0].data).server_name == ""
        )


def test_records_add_up_to_the_flight(server):
    for flight in connect_in_memory(client_context(AUTHORITY), server).flights:
        assert sum(record.size for record in flight.records) == len(flight.data)
        assert all(record.version in (0x0301, 0x0303) for record in flight.records)


def test_tls_1_3_encrypts_all_but_the_hellos(server):
    flights = connect_in_memory(client_context(AUTHORITY), server).flights
    names = [message.name for flight in flights for message in messages(flight.records)]
    assert names == ["ClientHello", "ServerHello"]


def test_tls_1_2_does_not_encrypt_certificates(server):
    old = client_context(AUTHORITY, maximum=ssl.TLSVersion.TLSv1_2)
    flights = connect_in_memory(old, server).flights
    names = [message.name for message in messages(flights[1].records)]
    assert names == ["ServerHello", "Certificate", "ServerKeyExchange", "ServerHelloDone"]
    assert (
        client_hello(flights[0].data).versions == ()
    )  # a TLS 1.2 client does not send the extension


def test_recognises_a_retry_request():
    context = server_context(AUTHORITY.issue("localhost"))
    context.set_ecdh_curve("secp384r1")  # for which the client has sent no key share
    asked, *_ = [
        flight
        for flight in connect_in_memory(client_context(AUTHORITY), context).flights
        if flight.who == "server"
    ]
    assert is_retry_request(messages(asked.records)[0])


def test_a_server_hello_is_no_retry_request(server):
    flights = connect_in_memory(client_context(AUTHORITY), server).flights
    assert not is_retry_request(messages(flights[1].records)[0])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x16\x03", "too few"),
        (b"GET / HTTP/1.1\r\n", "this is not TLS"),
        (b"\x16\x03\x01\x00\x05abc", "truncated: 3 of 5"),
        (b"\x16\x07\x01\x00\x00", "this is not TLS"),
    ],
)
def test_refuses_what_is_no_record(data, words):
    with pytest.raises(ValueError, match=words):
        records(data)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_hostile_hellos_raise_only_value_error(body, rest):
    message = b"\x01" + len(body).to_bytes(3) + body
    data = b"\x16\x03\x01" + len(message).to_bytes(2) + message + rest
    hello = None
    with suppress(ValueError):
        hello = client_hello(data)
    assert hello is None or hello.ciphers >= 0


def test_an_unencrypted_alert_has_a_name():
    (record,) = records(b"\x15\x03\x03\x00\x02\x02\x30")
    assert record.alert == "unknown_ca"
    assert records(b"\x15\x03\x03\x00\x02\x02\xfe")[0].alert == "alert 254"
    assert records(b"\x17\x03\x03\x00\x02\x02\x30")[0].alert == ""
