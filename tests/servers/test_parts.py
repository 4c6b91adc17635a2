"""The parts that server models share, tested without a network."""

import errno
import socket
from collections.abc import Iterator
from threading import Event

import pytest

from sockets_lab import servers
from sockets_lab.framing import Violation, encode_length
from sockets_lab.servers.acceptor import ALL, Acceptor, accept_budget
from sockets_lab.servers.blocking import accept_until
from sockets_lab.servers.limits import BACKOFF_S, is_overload
from sockets_lab.servers.services import echo, framed


class FakeListener:
    """A listener whose accept() raises and returns what its script says."""

    def __init__(self, *script: OSError | socket.socket) -> None:
        self.script = list(script)
        self.closed = False

    def accept(self) -> tuple[socket.socket, None]:
        if not self.script:
            raise BlockingIOError(errno.EAGAIN, "no client")
        result = self.script.pop(0)
        if isinstance(result, OSError):
            raise result
        return result, None

    def settimeout(self, seconds: float) -> None: ...

    def setblocking(self, blocks: bool) -> None: ...

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.socket() as one:
        yield one


def error(number: int) -> OSError:
    return OSError(number, errno.errorcode[number])


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_lack_of_descriptors_or_memory_is_overload(number: int) -> None:
    assert is_overload(error(number))


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EAGAIN, errno.EPROTO, errno.EINTR])
def test_client_errors_are_no_overload(number: int) -> None:
    assert not is_overload(error(number))


@pytest.mark.parametrize("number", [errno.EBADF, errno.EINVAL, errno.ENOTSOCK])
def test_program_errors_are_raised(number: int) -> None:
    with pytest.raises(OSError, match=errno.errorcode[number]):
        is_overload(error(number))


def test_accept_until_skips_client_errors(sock: socket.socket) -> None:
    listener = FakeListener(error(errno.ECONNABORTED), error(errno.EPROTO), sock)
    assert next(accept_until(Event(), listener)) is sock  # type: ignore[arg-type]


def test_accept_until_backs_off_at_emfile(sock: socket.socket) -> None:
    waits: list[float | None] = []

    class Recording(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            return False

    listener = FakeListener(error(errno.EMFILE), error(errno.ENOBUFS), sock)
    assert next(accept_until(Recording(), listener)) is sock  # type: ignore[arg-type]
    assert waits == [BACKOFF_S, BACKOFF_S]


def test_accept_until_ends_at_stop() -> None:
    stop = Event()
    stop.set()
    assert list(accept_until(stop, FakeListener())) == []  # type: ignore[arg-type]


def test_accept_until_raises_program_errors() -> None:
    with pytest.raises(OSError, match="EBADF"):
        next(accept_until(Event(), FakeListener(error(errno.EBADF))))  # type: ignore[arg-type]


class Watched:
    """An acceptor, and its calls of watch and unwatch in order."""

    def __init__(self, *script: OSError | socket.socket) -> None:
        self.calls: list[str] = []
        self.listener = FakeListener(*script)
        self.acceptor = Acceptor(
            self.listener,  # type: ignore[arg-type]
            lambda listener: listener.accept()[0],
            lambda _: self.calls.append("watch"),
            lambda _: self.calls.append("unwatch"),
        )


def test_accept_budget_grows_with_load(sock: socket.socket) -> None:
    watched = Watched(sock, sock, sock)
    assert len(watched.acceptor.accept(accept_budget(1))) == 1
    assert len(watched.acceptor.accept(accept_budget(800))) == 2
    assert watched.acceptor.accept(ALL) == []


def test_keeps_clients_accepted_before_an_error(sock: socket.socket) -> None:
    assert Watched(sock, error(errno.EMFILE)).acceptor.accept(ALL) == [sock]


def test_acceptor_backs_off_at_emfile(sock: socket.socket) -> None:
    watched = Watched(error(errno.EMFILE), sock)
    assert watched.acceptor.accept() == []
    assert watched.calls == ["watch", "unwatch"]
    watched.acceptor.resume(0.0)
    assert watched.calls == ["watch", "unwatch"]
    watched.acceptor.resume(float("inf"))
    assert watched.calls == ["watch", "unwatch", "watch"]
    assert watched.acceptor.accept() == [sock]


def test_a_paused_acceptor_is_unwatched_only_once() -> None:
    watched = Watched(error(errno.EMFILE))
    watched.acceptor.accept()
    watched.acceptor.close()
    assert (watched.calls, watched.listener.closed) == (["watch", "unwatch"], True)


def test_acceptor_ignores_client_errors(sock: socket.socket) -> None:
    watched = Watched(error(errno.ECONNABORTED), sock)
    assert watched.acceptor.accept() == []
    assert watched.calls == ["watch"]


def test_echo_returns_what_it_gets() -> None:
    respond = echo()
    assert (respond(b"hello"), respond(b"")) == (b"hello", b"")


def test_framed_answers_whole_messages() -> None:
    respond, request = framed(), encode_length(b"hello")
    assert respond(request[:6]) == b""
    assert respond(request[6:] + request) == 2 * encode_length(b"HELLO")
    assert respond(b"") == b""


def test_framed_refuses_a_truncated_message() -> None:
    respond = framed()
    respond(b"\0\0")
    with pytest.raises(Violation):
        respond(b"")


def test_framed_answers_before_it_refuses() -> None:
    respond = framed()
    assert respond(encode_length(b"a") + b"\xff" * 4) == encode_length(b"A")
    with pytest.raises(Violation):
        respond(b"more")


def test_each_responder_has_its_own_decoder() -> None:
    one, other = framed(), framed()
    one(b"\0\0\0\1")
    assert other(encode_length(b"b")) == encode_length(b"B")
    assert one(b"a") == encode_length(b"A")


def test_models_are_imported_on_first_use() -> None:
    model = servers.MODELS["serial"]
    assert model.path == "sockets_lab.servers.serial:serve"
    assert model.serve.__module__ == "sockets_lab.servers.serial"
