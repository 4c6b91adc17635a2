"""The parts that server models share, without a network."""

import errno
import socket
from collections.abc import Iterator
from threading import Event

import pytest

from sockets_lab import servers
from sockets_lab.framing import Violation, encode_length
from sockets_lab.servers.acceptor import ALL, Acceptor, share
from sockets_lab.servers.blocking import accepted
from sockets_lab.servers.limits import PAUSE_S, is_overload
from sockets_lab.servers.services import deaf, echo, framed


class FakeListener:
    """Fails and succeeds as it is told: errors, and sockets."""

    def __init__(self, *script: OSError | socket.socket) -> None:
        self.script = list(script)
        self.closed = False

    def accept(self) -> tuple[socket.socket, None]:
        if not self.script:
            raise BlockingIOError(errno.EAGAIN, "nobody")
        step = self.script.pop(0)
        if isinstance(step, OSError):
            raise step
        return step, None

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
def test_a_lack_of_descriptors_or_memory_is_overload(number: int) -> None:
    assert is_overload(error(number))


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EAGAIN, errno.EPROTO, errno.EINTR])
def test_what_a_client_did_meanwhile_is_no_overload(number: int) -> None:
    assert not is_overload(error(number))


@pytest.mark.parametrize("number", [errno.EBADF, errno.EINVAL, errno.ENOTSOCK])
def test_a_fault_of_the_program_goes_through(number: int) -> None:
    with pytest.raises(OSError, match=errno.errorcode[number]):
        is_overload(error(number))


def test_accepted_goes_on_after_errors_of_clients(sock: socket.socket) -> None:
    listener = FakeListener(error(errno.ECONNABORTED), error(errno.EPROTO), sock)
    assert next(accepted(listener, Event())) is sock  # type: ignore[arg-type]


def test_accepted_pauses_when_there_are_no_descriptors(sock: socket.socket) -> None:
    waits: list[float | None] = []

    class Recording(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            return False

    listener = FakeListener(error(errno.EMFILE), error(errno.ENOBUFS), sock)
    assert next(accepted(listener, Recording())) is sock  # type: ignore[arg-type]
    assert waits == [PAUSE_S, PAUSE_S]


def test_accepted_ends_when_it_is_told_to_stop() -> None:
    stop = Event()
    stop.set()
    assert list(accepted(FakeListener(), stop)) == []  # type: ignore[arg-type]


def test_accepted_lets_a_fault_of_the_program_through() -> None:
    with pytest.raises(OSError, match="EBADF"):
        next(accepted(FakeListener(error(errno.EBADF)), Event()))  # type: ignore[arg-type]


class Watched:
    """A door, with what its loop was told to watch."""

    def __init__(self, *script: OSError | socket.socket) -> None:
        self.told: list[str] = []
        self.listener = FakeListener(*script)
        self.door = Acceptor(
            self.listener,  # type: ignore[arg-type]
            lambda listener: listener.accept()[0],
            lambda _: self.told.append("watch"),
            lambda _: self.told.append("look away"),
        )


def test_a_door_accepts_one_in_a_calm_turn_and_more_in_a_busy_one(sock: socket.socket) -> None:
    watched = Watched(sock, sock, sock)
    assert len(watched.door.accept(share(1))) == 1
    assert len(watched.door.accept(share(800))) == 2
    assert watched.door.accept(ALL) == []


def test_a_door_keeps_whom_it_took_before_an_error(sock: socket.socket) -> None:
    assert Watched(sock, error(errno.EMFILE)).door.accept(ALL) == [sock]


def test_a_door_looks_away_while_there_are_no_descriptors(sock: socket.socket) -> None:
    watched = Watched(error(errno.EMFILE), sock)
    assert watched.door.accept() == []
    assert watched.told == ["watch", "look away"]
    watched.door.reopen(0.0)
    assert watched.told == ["watch", "look away"]
    watched.door.reopen(float("inf"))
    assert watched.told == ["watch", "look away", "watch"]
    assert watched.door.accept() == [sock]


def test_a_door_that_looks_away_is_closed_without_looking_away_again() -> None:
    watched = Watched(error(errno.EMFILE))
    watched.door.accept()
    watched.door.close()
    assert (watched.told, watched.listener.closed) == (["watch", "look away"], True)


def test_a_door_goes_on_after_a_client_has_left(sock: socket.socket) -> None:
    watched = Watched(error(errno.ECONNABORTED), sock)
    assert watched.door.accept() == []
    assert watched.told == ["watch"]


def test_echo_says_what_it_hears() -> None:
    converse = echo()
    assert (converse(b"hello"), converse(b"")) == (b"hello", b"")


def test_framed_answers_whole_messages() -> None:
    converse, request = framed(), encode_length(b"hello")
    assert converse(request[:6]) == b""
    assert converse(request[6:] + request) == 2 * encode_length(b"HELLO")
    assert converse(b"") == b""


def test_framed_refuses_a_stream_that_ends_inside_a_message() -> None:
    converse = framed()
    converse(b"\0\0")
    with pytest.raises(Violation):
        converse(b"")


def test_framed_refuses_a_huge_length_after_it_has_answered() -> None:
    converse = framed()
    assert converse(encode_length(b"a") + b"\xff" * 4) == encode_length(b"A")
    with pytest.raises(Violation):
        converse(b"more")


def test_each_conversation_has_its_own_decoder() -> None:
    one, other = framed(), framed()
    one(b"\0\0\0\1")
    assert other(encode_length(b"b")) == encode_length(b"B")
    assert one(b"a") == encode_length(b"A")


def test_deaf_answers_nothing() -> None:
    assert deaf(b"hello") == b""


def test_models_are_imported_when_they_are_asked_for() -> None:
    model = servers.MODELS["serial"]
    assert model.path == "sockets_lab.servers.serial:serve"
    assert model.serve.__module__ == "sockets_lab.servers.serial"
