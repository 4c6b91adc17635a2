"""A listener on a path lets in whom its file lets in, and takes the file away again."""

import errno
import socket
import stat

import pytest

from sockets_lab.listeners import local_listener

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="Python knows no AF_UNIX here"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "service"


def connect(path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))


def test_a_client_reaches_it_and_nothing_is_left(path):
    with local_listener(path) as listener:
        connect(path)
        listener.settimeout(5)
        listener.accept()[0].close()
    assert not path.exists()
    assert listener.fileno() == -1


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_only_those_with_the_right_get_in(path, mode):
    with local_listener(path, mode=mode):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_it_goes_after_an_exception_too(path):
    with pytest.raises(RuntimeError), local_listener(path):
        raise RuntimeError
    assert not path.exists()


def test_a_socket_that_nobody_listens_on_is_replaced(path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()
    with local_listener(path):
        connect(path)


def test_a_server_that_is_alive_keeps_its_path(path):
    with local_listener(path, backlog=0) as first:
        connect(path)  # and its queue is full
        with pytest.raises(OSError, match="in use") as caught, local_listener(path):
            pass
        assert caught.value.errno == errno.EADDRINUSE
        first.settimeout(5)
        first.accept()[0].close()
        connect(path)


def test_a_file_is_not_taken_away(path):
    path.write_text("precious")
    with pytest.raises(OSError, match="in use"), local_listener(path):
        pass
    assert path.read_text() == "precious"


def test_what_another_server_bound_meanwhile_is_left_alone(path):
    with local_listener(path):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert path.exists()


def test_a_path_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(ValueError, match="shorter path"), local_listener(tmp_path / ("x" * 120)):
        pass


def test_without_the_family_it_says_so(monkeypatch, path):
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(OSError, match="AF_UNIX") as caught, local_listener(path):
        pass
    assert caught.value.errno == errno.EAFNOSUPPORT
