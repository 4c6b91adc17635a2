"""The proxy relays and keeps every byte, and leaves nothing behind."""

import _thread
import errno
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from sockets_lab.capture import Proxy, proxy, relaying
from tests.conftest import Family
from tests.support.interrupting import interrupted_on_entry

RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s


@pytest.fixture
def listener(family: Family) -> Iterator[socket.socket]:
    with socket.create_server((family.host, 0), family=family.family) as listening:
        listening.settimeout(5)
        yield listening


def connected(between: Proxy, listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Return a client of the proxy, and the server's connection to the proxy."""
    client = socket.create_connection(between.address[:2], timeout=5)
    connection, _ = listener.accept()
    connection.settimeout(5)
    return client, connection


def until(condition: Callable[[], bool]) -> None:
    """Wait for what the proxy's thread is about to do."""
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "not seen in time"
        time.sleep(0.001)


def lines_of(between: Proxy, lines: int) -> list[str]:
    """Return the proxy's text, as soon as it has that many lines."""
    until(lambda: len(str(between).splitlines()) >= lines and between.overheard != ())
    return str(between).splitlines()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sockets_lab proxy"]


# Relaying


def test_passes_on_what_both_sides_say(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        client, connection = connected(between, listener)
        with client, connection:
            client.sendall(b"hello")
            assert connection.recv(5, socket.MSG_WAITALL) == b"hello"
            connection.sendall(b"HELLO!")
            assert client.recv(6, socket.MSG_WAITALL) == b"HELLO!"
            client.close()
            assert connection.recv(1) == b""
    assert str(between).splitlines()[:3] == [
        "client 1: 5 bytes",
        "connection 1: 6 bytes",
        "client 1: end of stream",
    ]
    assert between.sent_by("connection 1") == b"HELLO!"
    assert between.sent_by("client 1") == b"hello"


def test_consecutive_pieces_are_joined(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        client, connection = connected(between, listener)
        with client, connection:
            for piece in (b"a", b"bc", b"def"):
                client.sendall(piece)
                connection.recv(len(piece), socket.MSG_WAITALL)
            assert lines_of(between, 1) == ["client 1: 6 bytes"]
            times = [each.at_s for each in between.overheard]
            assert times == sorted(times)
            assert [each.data for each in between.overheard] == [b"a", b"bc", b"def"]


def test_a_half_close_is_relayed(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        client, connection = connected(between, listener)
        with client, connection:
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            assert connection.recv(100, socket.MSG_WAITALL) == b"question"  # to the end of stream
            connection.sendall(b"answer")
            connection.close()
            assert client.recv(100, socket.MSG_WAITALL) == b"answer"
        assert lines_of(between, 4) == [
            "client 1: 8 bytes",
            "client 1: end of stream",
            "connection 1: 6 bytes",
            "connection 1: end of stream",
        ]


def test_a_clients_reset_reaches_the_server(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        client, connection = connected(between, listener)
        with connection:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        assert lines_of(between, 1) == ["client 1: reset"]


def test_unread_bytes_reset_the_client(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        client, connection = connected(between, listener)
        with client:
            client.sendall(b"never read")
            assert connection.recv(1, socket.MSG_PEEK) == b"n"
            connection.close()
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        assert lines_of(between, 2) == ["client 1: 10 bytes", "connection 1: reset"]


def test_a_reset_after_a_half_close_is_relayed(
    listener: socket.socket,
) -> None:
    with proxy(listener.getsockname()) as between:
        client, connection = connected(between, listener)
        with connection:
            client.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            assert lines_of(between, 2) == ["client 1: end of stream", "client 1: reset"]
            until(lambda: connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0)


def test_a_closed_port_resets_the_client(listener: socket.socket) -> None:
    address = listener.getsockname()
    listener.close()
    with proxy(address) as between:
        with (
            pytest.raises(ConnectionResetError),  # by connect() already, if it is slow to return
            socket.create_connection(between.address[:2], timeout=5) as client,
        ):
            client.recv(1)
        assert lines_of(between, 1) == ["closed port: reset"]


def test_clients_are_numbered_as_they_come(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        first, first_connection = connected(between, listener)
        second, second_connection = connected(between, listener)
        with first, second, first_connection, second_connection:
            second.sendall(b"two")
            second_connection.recv(3, socket.MSG_WAITALL)
            first.sendall(b"one")
            first_connection.recv(3, socket.MSG_WAITALL)
        assert lines_of(between, 2)[:2] == ["client 2: 3 bytes", "client 1: 3 bytes"]


def test_clients_above_the_limit_wait(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "_MOST", 1)
    with proxy(listener.getsockname()) as between:
        first, connection = connected(between, listener)
        with socket.create_connection(between.address[:2], timeout=5) as second:
            second.sendall(b"me, too")
            first.close()
            connection.close()
            waited, _ = listener.accept()
            with waited:
                assert waited.recv(7, socket.MSG_WAITALL) == b"me, too"


# Readers that do not read


def flood(sock: socket.socket) -> int:
    """Send until the buffers are full; return the number of bytes sent."""
    sock.setblocking(False)
    sent, quiet_since = 0, time.monotonic()
    while time.monotonic() - quiet_since < 0.1:
        try:
            sent += sock.send(b"y" * 65_536)
            quiet_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.001)
    sock.settimeout(5)
    return sent


def read_all(sock: socket.socket) -> int:
    count = 0
    while data := sock.recv(1 << 20):
        count += len(data)
    return count


def test_backpressure_stops_the_sender(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        client, connection = connected(between, listener)
        with client, connection:
            sent = flood(client)
            client.shutdown(socket.SHUT_WR)
            assert read_all(connection) == sent
            assert len(between.sent_by("client 1")) + between.not_kept == sent


def test_a_reset_behind_a_full_direction_is_seen(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        client, connection = connected(between, listener)
        with client, connection:
            flood(client)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.close()
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                client.sendall(b"z" * (1 << 24))
            assert lines_of(between, 2)[-1] == "more was relayed than is kept"
            assert between.overheard[-1].what == "reset"


def test_keeps_a_megabyte_and_counts_the_rest(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        client, connection = connected(between, listener)
        with client, connection:
            sender = threading.Thread(target=client.sendall, args=(bytes(3_000_000),))
            sender.start()
            count = 0
            while count < 3_000_000:
                count += len(connection.recv(1 << 20))
            sender.join()
        assert len(between.sent_by("client 1")) == 1 << 20
        assert between.not_kept == 3_000_000 - (1 << 20)
        assert str(between).splitlines()[-1] == "more was relayed than is kept"


# What it refuses


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "2001:db8::1", "::"])
def test_passes_on_to_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match=f"'{host}' is not this machine"):
        proxy((host, 80))


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="not a numeric address"):
        proxy(("localhost", 80))
    with pytest.raises(TypeError, match="not an endpoint"):
        proxy("127.0.0.1:80")


def test_is_used_once(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        pass
    with pytest.raises(RuntimeError, match="used already"), between:
        pytest.fail("the block must not begin")


def test_an_unknown_role_is_an_error(listener: socket.socket) -> None:
    with proxy(listener.getsockname()) as between:
        assert str(between) == "nothing was relayed"
    with pytest.raises(KeyError, match="nothing was relayed from 'client 1'; senders: none"):
        between.sent_by("client 1")


# Nothing stays


@contextmanager
def in_a_connection(listener: socket.socket) -> Iterator[Proxy]:
    """Yield a proxy with a connection; afterwards both ends get the end of the stream."""
    ends: list[socket.socket] = []
    try:
        with proxy(listener.getsockname()) as between:
            ends += connected(between, listener)
            ends[0].sendall(b"x")
            assert ends[1].recv(1) == b"x"
            yield between
    finally:
        assert threads() == []
        assert [end.recv(1) for end in ends] == [b"", b""]
        for end in ends:
            end.close()


def interrupt() -> None:
    _thread.interrupt_main()
    threading.Event().wait(5)


def test_it_is_gone_after_the_block(listener: socket.socket) -> None:
    with in_a_connection(listener) as between:
        address = between.address
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address[:2])


def test_it_is_gone_after_an_exception(listener: socket.socket) -> None:
    with pytest.raises(ZeroDivisionError), in_a_connection(listener):
        1 / 0  # noqa: B018


def test_it_is_gone_after_an_interrupt(listener: socket.socket) -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), in_a_connection(listener):
        interrupt()
    assert time.monotonic() - began < 1


def test_an_interrupt_of_its_exit_ends_it(listener: socket.socket) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        interrupted_on_entry(Proxy.__exit__),
        in_a_connection(listener),
    ):
        pass


def test_an_interrupt_of_its_entry_ends_it(listener: socket.socket) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        interrupted_on_entry(Proxy._start),
        proxy(listener.getsockname()),
    ):
        pytest.fail("the block was entered")
    assert threads() == []


def test_last_bytes_are_still_relayed(listener: socket.socket) -> None:
    with (
        proxy(listener.getsockname()) as between,
        socket.create_connection(between.address[:2], timeout=5) as client,
    ):
        client.sendall(b"last words")
    connection, _ = listener.accept()
    with connection:
        assert connection.recv(100, socket.MSG_WAITALL) == b"last words"
    assert str(between).splitlines() == ["client 1: 10 bytes", "client 1: end of stream"]


def test_what_goes_wrong_in_its_thread_is_raised(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def select(*_: object) -> None:
        raise OSError(errno.EMFILE, "no descriptor left")

    monkeypatch.setattr(relaying, "_select", select)
    with (
        pytest.raises(OSError, match="no descriptor left"),
        proxy(listener.getsockname()) as between,
    ):
        until(lambda: not threads())
    assert between.overheard == ()
