"""Whatever a server waits for, it is stopped; what Python cannot end is named."""

import errno
import selectors
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sockets_lab import background, open_listener
from sockets_lab.background import (
    StillRunning,
    running,
    unblocking,
)
from tests.background.support import Server, ask, connect, echo

MUCH = bytes(1 << 24)  # more than both buffers of a loopback connection hold


def wait_in_recv(listener, waits):
    connection, _ = listener.accept()
    with connection:
        waits.set()
        connection.recv(1)


def wait_in_send(listener, waits):
    connection, _ = listener.accept()
    with connection:
        waits.set()
        connection.sendall(MUCH)


def wait_in_select(listener, waits):
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                connection, _ = key.fileobj.accept()
                selector.register(connection, selectors.EVENT_READ)
                waits.set()


def wait_with_timeouts(listener, waits):
    listener.settimeout(60)
    with listener.accept()[0] as connection:
        connection.settimeout(60)
        waits.set()
        connection.recv(1)


@pytest.mark.parametrize(
    "wait",
    [
        wait_in_recv,
        wait_in_send,
        wait_in_select,
        wait_with_timeouts,
        lambda listener, waits: Server(listener, waits).serve(),
    ],
    ids=["recv", "send", "select", "timeouts", "attributes"],
)
def test_a_thread_waiting_for_a_client_is_unblocked(listener, wait):
    waits = threading.Event()
    with connect(listener) as client:
        with background.run(wait, listener, waits) as server:
            assert waits.wait(5)
        assert not server.running
        assert client.fileno() != -1


def test_a_thread_in_connect_is_unblocked():
    with open_listener(backlog=0) as full, connect(full):
        started = threading.Event()

        def dial():
            with socket.socket() as client:
                started.set()
                client.connect(full.getsockname())
                client.recv(1)

        with background.run(dial, name="client"):
            assert started.wait(5)


def test_a_thread_in_recvfrom_is_unblocked(family):
    with socket.socket(family.family, socket.SOCK_DGRAM) as sock:
        sock.bind((family.host, 0))

        def repeat(sock):
            while True:
                data, peer = sock.recvfrom(100)
                sock.sendto(data, peer)

        with (
            background.run(repeat, sock),
            socket.socket(family.family, socket.SOCK_DGRAM) as client,
        ):
            client.connect(sock.getsockname())
            client.send(b"hello")
            assert client.recv(100) == b"hello"


def test_a_function_has_time_to_look_at_stop(listener):
    def serve(listener, stop):
        listener.settimeout(0.02)
        while not stop.is_set():
            try:
                listener.accept()[0].close()
            except TimeoutError:
                continue
        return "it looked at stop"

    with background.run(serve, listener) as server:
        assert ask(listener, b"") == b""
    assert server.result == "it looked at stop"


def test_a_loop_that_computes_is_ended():
    cleaned = threading.Event()

    def spin():
        try:
            while True:
                pass
        finally:
            cleaned.set()

    with background.run(spin):
        pass
    assert cleaned.is_set()


def test_a_loop_that_swallows_errors_is_ended(listener):
    def stubborn(listener):
        while True:
            try:
                listener.accept()[0].close()
            except Exception:
                continue

    with background.run(stubborn, listener):
        assert ask(listener, b"") == b""


@pytest.fixture
def elsewhere(monkeypatch):
    """Stand in for systems whose shutdown() refuses an unconnected socket, and wakes no thread."""
    plain = unblocking.plain

    class Unwaking(plain):
        def shutdown(self, how):
            if unblocking.is_listening(self) or self.type == socket.SOCK_DGRAM:
                raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
            plain.shutdown(self, how)

    monkeypatch.setattr(unblocking, "plain", Unwaking)


@pytest.mark.usefixtures("elsewhere")
def test_elsewhere_a_client_wakes_accept(listener):
    before = unblocking.listener_state_of(listener)
    for _ in range(3):
        with background.run(echo, listener):
            assert ask(listener) == b"hello"
    assert unblocking.listener_state_of(listener) == before


@pytest.mark.usefixtures("elsewhere")
def test_elsewhere_a_wildcard_listener_is_woken():
    with open_listener("0.0.0.0", expose=True) as listener, background.run(echo, listener):
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"


@pytest.mark.usefixtures("elsewhere")
def test_elsewhere_a_datagram_socket_is_woken():
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        with background.run(lambda: [sock.recvfrom(1) for _ in range(9)]):
            pass


def test_a_hanging_function_is_named_with_its_line(gate):
    def hang():
        gate.wait()

    with pytest.raises(StillRunning) as caught, background.run(hang, deadline_s=0.3):
        pass
    line = hang.__code__.co_firstlineno + 1
    assert str(caught.value) == (
        "server did not return within 0.3 s after `stop` was set: blocked in hang(), line "
        f"{line}: `gate.wait()`; give blocking calls a timeout, and end loops when `stop` is set"
    )


def test_a_hanging_thread_it_started_is_named(gate):
    def spawn():
        threading.Thread(target=lambda: gate.wait(), daemon=True).start()

    with (
        pytest.raises(StillRunning, match=r"gate\.wait"),
        background.run(spawn, deadline_s=0.3) as server,
    ):
        server.wait()


def test_sockets_of_a_hanging_server_are_closed(gate):
    opened = []

    def hang():
        opened.append(open_listener())
        gate.wait()

    with pytest.raises(StillRunning), background.run(hang, deadline_s=0.3) as server:
        pass
    assert opened[0].fileno() == -1
    assert server.left_open == ("listener",)


def answer(connection):
    with connection:
        while data := connection.recv(100):
            connection.sendall(data)


@pytest.mark.parametrize("daemon", [None, True, False])
def test_threads_that_it_started_are_stopped(listener, daemon):
    def serve(listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection,), daemon=daemon).start()

    before = threading.active_count()
    with connect(listener) as first, connect(listener) as second:
        with background.run(serve, listener):
            for client in (first, second):
                client.sendall(b"hello")
                assert client.recv(100) == b"hello"
        assert threading.active_count() == before


def test_a_pool_is_stopped(listener):
    def serve(listener):
        with ThreadPoolExecutor(4) as pool:
            while True:
                pool.submit(answer, listener.accept()[0])

    with connect(listener) as client, background.run(serve, listener):
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"


def test_a_listener_unblocked_twice_serves_again(listener):
    state = unblocking.listener_state_of(listener)
    unblocking.unblock(listener)
    unblocking.unblock(listener)
    assert unblocking.reopen(listener, state)
    with connect(listener) as client, listener.accept()[0] as connection:
        client.sendall(b"hello")
        assert connection.recv(100) == b"hello"


def test_a_hanging_server_does_not_hang_traced_code(gate):
    # On Python 3.11 a SystemExit that no thread takes hangs every traced thread.
    with pytest.raises(StillRunning), background.run(lambda: gate.wait(), deadline_s=0.5):
        pass
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        (lambda: None)()
    finally:
        sys.settrace(before)


def test_a_hanging_server_is_named_in_traced_code(gate):
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        with pytest.raises(StillRunning), background.run(lambda: gate.wait(), deadline_s=0.5):
            pass
    finally:
        sys.settrace(before)


def test_a_loop_that_sleeps_is_ended():
    def nap():
        while True:
            threading.Event().wait(0.05)

    with background.run(nap):
        pass


def test_unblocks_even_without_time_left(listener, monkeypatch):
    """In a large process, finding the sockets of a run may take all the time that it has."""
    monkeypatch.setattr(running, "FIRST_STEP_S", 10.0)
    with background.run(echo, listener, deadline_s=0.0):
        assert ask(listener) == b"hello"
