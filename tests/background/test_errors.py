"""Errors of the function reach the cell, and no client waits for a dead server."""

import os
import threading
import traceback

import pytest

from sockets_lab import background
from tests.background.support import ask, connect, echo


def test_an_exception_is_raised_in_the_cell():
    with pytest.raises(ZeroDivisionError) as caught, background.run(lambda: 1 / 0) as server:
        server.wait()
    assert caught.value is server.error
    files = [frame.filename for frame in traceback.extract_tb(server.error.__traceback__)]
    assert files[-1] == __file__


def test_it_is_raised_once():
    server = background.run(lambda: 1 / 0)
    server.wait()
    with pytest.raises(ZeroDivisionError), server:
        server.stop()
    server.stop()


def test_a_client_of_a_dead_server_does_not_wait(listener):
    def fail(listener):
        connection, _ = listener.accept()
        raise KeyError(connection.fileno(), "forgotten")

    with (
        pytest.raises(KeyError, match="forgotten"),
        background.run(fail, listener) as server,
        connect(listener) as client,
    ):
        assert client.recv(1) == b""
    assert server.left_open == ("connection 1",)


def test_an_unaccepted_client_does_not_wait(listener):
    with (
        connect(listener) as client,
        pytest.raises(ZeroDivisionError),
        background.run(lambda listener: 1 / 0, listener),
        pytest.raises(ConnectionResetError),
    ):
        client.recv(1)


def test_a_shared_listener_survives_a_dead_server(listener):
    with background.run(echo, listener):
        dead = background.run(lambda _: 1 / 0, listener)
        assert dead.wait()
        assert ask(listener) == b"hello"
        with pytest.raises(ZeroDivisionError):
            dead.stop()


def test_both_errors_are_visible():
    def fail():
        try:
            raise LookupError("first")
        except LookupError as error:
            raise ValueError("second") from error

    server = background.run(fail)
    server.wait()
    with pytest.raises(ValueError, match="second") as caught, server:
        raise ConnectionError("in the block")
    shown = "".join(traceback.format_exception(caught.value))
    for word in ("first", "second", "in the block"):
        assert word in shown


def test_errors_caused_by_stopping_are_not_raised(listener):
    def unguarded(listener):
        listener.accept()

    with background.run(unguarded, listener) as server:
        pass
    assert server.error is None


def test_other_errors_while_stopping_are_raised(listener):
    def clumsy(listener):
        try:
            listener.accept()
        finally:
            os.stat("/nowhere/at/all")

    with pytest.raises(FileNotFoundError), background.run(clumsy, listener):
        pass


def test_an_error_in_a_started_thread_is_raised(listener):
    def crash(connection):
        raise ArithmeticError("in the thread")

    def serve(listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=crash, args=(connection,)).start()

    with (
        pytest.raises(ArithmeticError, match="in the thread"),
        background.run(serve, listener),
        connect(listener) as client,
        connect(listener) as next_client,
    ):
        assert (client.recv(1), next_client.recv(1)) == (b"", b"")
