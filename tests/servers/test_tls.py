"""The TLS servers: good clients are served, whatever other clients do."""

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
    """A running server: its address, and the run that can be stopped."""

    address: tuple[str, int]
    run: background.Run


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> ModuleType:
    return MODELS[request.param]


@contextlib.contextmanager
def serving(model: ModuleType, host: str, context=None, **options) -> Iterator[Served]:
    limits = options.pop("limits", LIMITS)
    with open_listener(host) as listener:
        address = listener.getsockname()[:2]
        own = context or server_context(CERTIFICATE)
        with background.run(model.serve, listener, own, limits=limits, **options) as run:
            yield Served(address, run)


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


def test_echoes_over_tls(served):
    with connect(served) as client:
        assert client.version() == "TLSv1.3"
        for text in (b"hello", bytes(100_000), b"!"):
            assert exchange(client, text) == text


def test_ends_the_stream_with_close_notify(served):
    with connect(served) as client:
        assert exchange(client, b"hello") == b"hello"
        client.unwrap()  # raises if the connection was truncated instead


def test_serves_many_clients_together(served):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(served)) for _ in range(20)]
        for number, client in enumerate(clients):
            assert exchange(client, b"%d" % number) == b"%d" % number


def test_serves_a_framed_service(model, family):
    with serving(model, family.host, service=framed) as made, connect(made) as client:
        client.sendall(b"\0\0\0\5hello")
        assert client.recv(100) == b"\0\0\0\5HELLO"


@pytest.mark.parametrize(
    "opening", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05", b"\x16\x03\x01\xff\xff"]
)
def test_missing_handshakes_delay_no_client(served, opening):
    with contextlib.ExitStack() as stack:
        silent = []
        for _ in range(5):
            silent.append(stack.enter_context(socket.create_connection(served.address)))
            silent[-1].sendall(opening)
            silent[-1].settimeout(HANG_S)
        with connect(served) as client:
            assert exchange(client, b"hello") == b"hello"
        for client in silent:
            with contextlib.suppress(ConnectionResetError):
                while client.recv(100):  # an alert may come before the end
                    pass


def test_a_slow_handshake_keeps_its_deadline(served):
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


def test_a_distrusting_client_harms_no_other(served):
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(served, client_context(Authority("Another Authority")))
    with connect(served) as client:
        assert exchange(client, b"hello") == b"hello"


def test_a_vanished_client_harms_no_other(served):
    client = connect(served)
    client.sendall(b"hello")
    os.close(client.detach())  # no close_notify
    with connect(served) as other:
        assert exchange(other, b"hello") == b"hello"


def test_backpressure_bounds_what_is_read(served):
    with connect(served) as stuck:
        stuck.settimeout(0.3)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64 << 20:
                sent += stuck.send(bytes(65536))
        assert sent < 64 << 20
        with connect(served) as client:
            assert exchange(client, b"hello") == b"hello"


def test_stop_ends_the_stream(served):
    with connect(served) as client:
        assert exchange(client, b"hello") == b"hello"
        stopper = threading.Thread(target=served.run.stop)
        stopper.start()
        assert client.recv(10) == b""
        stopper.join()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(served.address, timeout=HANG_S).close()


# Clients written by others


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
        result = by_openssl(made, trusted)
        assert "Verify return code: 0 (ok)" in result.stdout
        assert "hello" in result.stdout
        assert "GET / HTTP/1.1" in by_curl(made, trusted).stdout  # it is an echo server


OPENSSL_ERRORS = {
    "expired": "certificate has expired",
    "not yet valid": "certificate is not yet valid",
    "wrong name": "hostname mismatch",
    "self-signed": "self-signed certificate",
    "unknown authority": "unable to get local issuer certificate",
    "wrong use": "unsuitable certificate purpose",
}


@pytest.mark.parametrize("fault", OPENSSL_ERRORS)
def test_openssl_and_curl_refuse_the_same(fault, trusted):
    assert fault in FAULTS
    bad = server_context(AUTHORITY.issue_faulty(fault, "localhost"))
    with serving(tls_selectors_loop, "127.0.0.1", bad) as made:
        result = by_openssl(made, trusted)
        assert result.returncode != 0
        assert OPENSSL_ERRORS[fault] in (result.stdout + result.stderr).lower()
        assert by_curl(made, trusted).returncode in (35, 51, 60)
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(made)


def test_no_key_is_in_the_repository():
    here = Path(__file__).parents[2]
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=here, capture_output=True, text=True
    ).stdout.split("\0")
    if listed == [""]:
        pytest.skip("not a git checkout: the files cannot be listed")
    mark = b"PRIVATE KEY" + b"-----"
    assert len(listed) > 100
    assert [name for name in listed if name and mark in (here / name).read_bytes()] == []
