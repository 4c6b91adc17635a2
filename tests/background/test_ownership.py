"""Only the sockets and threads of the run are touched."""

import socket
import sys
import threading

import pytest

from sockets_lab import background, open_listener
from sockets_lab.background import (
    ownership,
)
from sockets_lab.background.ownership import OpenSockets, live_sockets, sockets_in
from tests.background.support import Server, ask, connect, echo


def test_a_global_socket_is_found(family):
    module = {"listener": open_listener(family.host)}
    exec("def serve():\n    while True:\n        listener.accept()[0].recv(1)", module)
    with (
        module["listener"] as listener,
        connect(listener),
        background.run(module["serve"]) as server,
    ):
        assert server.running


def test_an_attribute_is_no_name_in_the_module(family):
    """A notebook has its own `listener`; the server reads an attribute that is called the same."""
    with open_listener(family.host) as own, open_listener(family.host) as given, connect(own):
        module = {"listener": own}
        exec("def serve(server):\n    server.listener.accept()", module)
        with background.run(module["serve"], Server(given, None)):
            pass
        own.settimeout(5)
        own.accept()[0].close()  # the client still waits in the queue


def test_a_connection_that_no_frame_holds_is_found(listener):
    kept, waits = threading.local(), threading.Event()

    def hide(listener):
        kept.connection = listener.accept()[0]
        waits.set()
        kept.connection.recv(1)

    with connect(listener), background.run(hide, listener):
        assert waits.wait(5)


def test_threads_of_the_notebook_are_left_alone(listener):
    answered, done = threading.Event(), threading.Event()

    def chat(client):
        with client:
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
            answered.set()
            done.wait(5)

    with background.run(echo, listener):
        thread = threading.Thread(target=chat, args=(connect(listener),), daemon=True)
        thread.start()
        assert answered.wait(5)
    assert thread.is_alive()
    done.set()
    thread.join(5)


def test_a_client_of_the_notebook_is_left_alone(listener):
    with connect(listener) as client:
        with background.run(echo, listener):
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
        assert client.recv(1) == b""  # the far end is gone; this one was not touched
        client.send(b"x")


def test_a_connection_from_before_is_left_alone(listener):
    with connect(listener) as client, listener.accept()[0] as connection:
        with background.run(echo, listener):
            assert ask(listener) == b"hello"
        client.sendall(b"hello")
        assert connection.recv(100) == b"hello"


def test_what_it_left_open_is_closed_and_named(listener):
    kept = []

    def forget(listener):
        for _ in range(2):
            kept.append(listener.accept()[0])

    with connect(listener), connect(listener), background.run(forget, listener) as server:
        assert server.wait()
    assert server.left_open == ("connection 1", "connection 2")
    assert [sock.fileno() for sock in kept] == [-1, -1]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere listeners are not shut down")
def test_a_shut_down_listener_is_refused_next_time():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # without SO_REUSEADDR
        listener.listen()
        with connect(listener) as client, background.run(echo, listener):
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
        with pytest.raises(ValueError, match="listener was shut down when an earlier run"):
            background.run(echo, listener)


def test_sockets_are_found_in_values():
    with socket.socket() as sock:
        for value in (
            sock,
            [sock],
            {"a": (sock,)},
            {sock: 1},
            Server(sock, None),
            lambda: sock,
            Server(sock, None).serve,
        ):
            assert sockets_in([value]) == [sock]
        assert sockets_in([Server(sock, None)], attributes=False) == []


def test_only_open_sockets_are_live():
    class Special(socket.socket):
        pass

    with socket.socket() as plain, Special() as special, socket.socket() as closed:
        closed.close()
        known = live_sockets()
    assert plain in known
    assert special in known
    assert closed not in known


@pytest.mark.parametrize("listed", [True, False], ids=["listed by the kernel", "looked for"])
def test_open_sockets_leave_out_newer_ones(monkeypatch, listed):
    if not listed:
        monkeypatch.setattr(ownership, "_socket_inodes", lambda: None)
    with socket.socket() as old:
        open_sockets = OpenSockets()
        with socket.socket() as new:
            assert old in open_sockets
            assert new not in open_sockets
            assert open_sockets.has_grown()


def test_leftovers_are_found_without_proc(monkeypatch, listener):
    monkeypatch.setattr(ownership, "_socket_inodes", lambda: None)
    test_what_it_left_open_is_closed_and_named(listener)
    test_a_connection_from_before_is_left_alone(listener)
