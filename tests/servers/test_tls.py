"""The TLS servers: good clients are served, whatever others do, and none holds the door open."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from sockets_lab import background, open_listener
from sockets_lab.servers import Limits, framed, tls_selectors_loop, tls_threaded
from sockets_lab.tls import FAULTS, Authority, client_context, server_context

MODELS = {"threaded": tls_threaded, "selectors_loop": tls_selectors_loop}
AUTHORITY = Authority()
CERTIFICATE = AUTHORITY.issue("localhost", "127.0.0.1", "::1")
LIMITS = Limits(handshake_s=0.4, idle_s=5.0, drain_s=2.0)
HANG_S = 15.0


class Served(NamedTuple):
    """A server at work: where it is, and how it is told to stop."""

    address: tuple[str, int]
    run: background.Run


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> ModuleType:
    return MODELS[request.param]


@contextlib.contextmanager
def serving(model: ModuleType, host: str, context=None, **options) -> Iterator[Served]:
    limits = options.pop("limits", LIMITS)
    with open_listener(host) as listener:
        name = listener.getsockname()[:2]
        shown = context or server_context(CERTIFICATE)
        with background.run(model.serve, listener, shown, limits=limits, **options) as run:
            yield Served(name, run)


def connect(served: Served, context: ssl.SSLContext | None = None, name: str = "localhost"):
    trusting = context or client_context(AUTHORITY)
    sock = socket.create_connection(served.address, timeout=HANG_S)
    try:
        return trusting.wrap_socket(sock, server_hostname=name)
    except BaseException:
        sock.close()
        raise


def exchange(client: ssl.SSLSocket, text: bytes) -> bytes:
    client.sendall(text)
    received = b""
    while len(received) < len(text):
        piece = client.recv(65536)
        assert piece, "the stream ended too early"
        received += piece
    return received


@pytest.fixture
def served(model, family) -> Iterator[Served]:
    with serving(model, family.host) as made:
        yield made


def test_it_echoes_over_tls(served):
    with connect(served) as client:
        assert client.version() == "TLSv1.3"
        for text in (b"hello", bytes(100_000), b"!"):
            assert exchange(client, text) == text


def test_it_ends_the_stream_with_close_notify(served):
    with connect(served) as client:
        assert exchange(client, b"hello") == b"hello"
        client.unwrap()  # raises if the wire was cut instead


def test_many_are_served_at_once(served):
    with contextlib.ExitStack() as open_ones:
        clients = [open_ones.enter_context(connect(served)) for _ in range(20)]
        for number, client in enumerate(clients):
            assert exchange(client, b"%d" % number) == b"%d" % number


def test_a_service_with_a_protocol(model, family):
    with serving(model, family.host, service=framed) as made, connect(made) as client:
        client.sendall(b"\0\0\0\5hello")
        assert client.recv(100) == b"\0\0\0\5HELLO"


@pytest.mark.parametrize(
    "rude", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05", b"\x16\x03\x01\xff\xff"]
)
def test_who_does_not_shake_hands_is_closed_and_holds_up_nobody(served, rude):
    with contextlib.ExitStack() as open_ones:
        silent = []
        for _ in range(5):
            silent.append(open_ones.enter_context(socket.create_connection(served.address)))
            silent[-1].sendall(rude)
            silent[-1].settimeout(HANG_S)
        with connect(served) as client:
            assert exchange(client, b"hello") == b"hello"
        for one in silent:
            with contextlib.suppress(ConnectionResetError):
                while one.recv(100):  # an alert may come before the end
                    pass


def test_a_handshake_in_drops_does_not_prolong_its_deadline(served):
    with socket.create_connection(served.address, timeout=HANG_S) as slow:
        began = time.monotonic()
        ended = False
        while not ended and time.monotonic() - began < HANG_S:
            try:
                slow.sendall(b"\x16" if time.monotonic() == began else b"\x03")
                slow.settimeout(0.05)
                ended = not slow.recv(100)
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
        assert ended


def test_a_client_that_trusts_somebody_else_hurts_nobody(served):
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(served, client_context(Authority("Somebody Else")))
    with connect(served) as client:
        assert exchange(client, b"hello") == b"hello"


def test_a_client_that_vanishes_hurts_nobody(served):
    client = connect(served)
    client.sendall(b"hello")
    os.close(client.detach())  # no close_notify
    with connect(served) as other:
        assert exchange(other, b"hello") == b"hello"


def test_one_that_takes_nothing_is_not_read_without_bound(served):
    with connect(served) as greedy:
        greedy.settimeout(0.3)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64 << 20:
                sent += greedy.send(bytes(65536))
        assert sent < 64 << 20
        with connect(served) as client:
            assert exchange(client, b"hello") == b"hello"


def test_told_to_stop_it_answers_and_says_goodbye(served):
    with connect(served) as client:
        assert exchange(client, b"hello") == b"hello"
        stopper = threading.Thread(target=served.run.stop)
        stopper.start()
        assert client.recv(10) == b""
        stopper.join()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(served.address, timeout=HANG_S).close()


# Other people's clients


def program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture
def trusted() -> Iterator[str]:
    with tempfile.NamedTemporaryFile("wb", suffix=".pem") as file:
        file.write(AUTHORITY.pem)
        file.flush()
        yield file.name


def by_openssl(served: Served, trusted: str) -> subprocess.CompletedProcess[str]:
    host, port = served.address
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    arguments = ["-connect", where, "-servername", "localhost", "-verify_hostname", "localhost"]
    return subprocess.run(
        [
            *(program("openssl"), "s_client", *arguments, "-CAfile", trusted),
            *("-verify_return_error", "-ign_eof"),
        ],
        input="hello\n",
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )


def by_curl(served: Served, trusted: str) -> subprocess.CompletedProcess[str]:
    host, port = served.address
    where = f"[{host}]" if ":" in host else host
    return subprocess.run(
        [
            *(program("curl"), "-sS", "--http0.9", "--max-time", "5", "--cacert", trusted),
            *("--resolve", f"localhost:{port}:{where}", f"https://localhost:{port}/"),
        ],
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )


def test_openssl_and_curl_are_served(model, family, trusted):
    with serving(model, family.host, limits=LIMITS._replace(idle_s=0.5)) as made:
        told = by_openssl(made, trusted)
        assert "Verify return code: 0 (ok)" in told.stdout
        assert "hello" in told.stdout
        assert "GET / HTTP/1.1" in by_curl(made, trusted).stdout  # it is an echo server


OPENSSL_SAYS = {
    "expired": "certificate has expired",
    "not yet valid": "certificate is not yet valid",
    "wrong name": "hostname mismatch",
    "self-signed": "self-signed certificate",
    "unknown authority": "unable to get local issuer certificate",
    "wrong use": "unsuitable certificate purpose",
}


@pytest.mark.parametrize("fault", OPENSSL_SAYS)
def test_openssl_and_curl_refuse_what_python_refuses(fault, trusted):
    assert fault in FAULTS
    bad = server_context(AUTHORITY.issue_faulty(fault, "localhost"))
    with serving(tls_selectors_loop, "127.0.0.1", bad) as made:
        told = by_openssl(made, trusted)
        assert told.returncode != 0
        assert OPENSSL_SAYS[fault] in (told.stdout + told.stderr).lower()
        assert by_curl(made, trusted).returncode in (35, 51, 60)
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(made)


def test_no_key_is_in_the_repository():
    here = Path(__file__).parents[2]
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=here, capture_output=True, text=True
    ).stdout.split("\0")
    if listed == [""]:
        pytest.skip("no git here: the files cannot be listed")
    mark = b"PRIVATE KEY" + b"-----"
    assert len(listed) > 100
    assert [name for name in listed if name and mark in (here / name).read_bytes()] == []
