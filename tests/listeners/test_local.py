"""A listener on a path obeys the permissions of its file, and removes the file at the end."""

import errno
import socket
import stat

import pytest

from sockets_lab.listeners import local_listener

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="Python has no AF_UNIX on this system"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "service"


def connect(path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))


def test_accepts_a_client_and_removes_its_path(path):
    with local_listener(path) as listener:
        connect(path)
        listener.settimeout(5)
        listener.accept()[0].close()
    assert not path.exists()
    assert listener.fileno() == -1


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_sets_the_permissions_of_the_file(path, mode):
    with local_listener(path, mode=mode):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_removes_its_path_after_an_exception(path):
    with pytest.raises(RuntimeError), local_listener(path):
        raise RuntimeError
    assert not path.exists()


def test_replaces_a_dead_socket(path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()
    with local_listener(path):
        connect(path)


def test_a_live_server_keeps_its_path(path):
    with local_listener(path, backlog=0) as first:
        connect(path)  # and its queue is full
        with pytest.raises(OSError, match="in use") as caught, local_listener(path):
            pass
        assert caught.value.errno == errno.EADDRINUSE
        first.settimeout(5)
        first.accept()[0].close()
        connect(path)


def test_does_not_remove_a_file(path):
    path.write_text("precious")
    with pytest.raises(OSError, match="in use"), local_listener(path):
        pass
    assert path.read_text() == "precious"


def test_leaves_the_path_of_a_later_server(path):
    with local_listener(path):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert path.exists()


def test_refuses_a_path_that_is_too_long(tmp_path):
    with pytest.raises(ValueError, match="shorter path"), local_listener(tmp_path / ("x" * 120)):
        pass


def test_reports_a_missing_address_family(monkeypatch, path):
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(OSError, match="AF_UNIX") as caught, local_listener(path):
        pass
    assert caught.value.errno == errno.EAFNOSUPPORT
