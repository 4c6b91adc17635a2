"""A function runs beside the notebook while the block lasts."""

import asyncio
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from sockets_lab import background, open_listener
from sockets_lab.background import (
    NotReady,
    threads,
    unblocking,
)
from sockets_lab.background.ownership import live_sockets
from tests.background.support import ask, connect, echo, wait_for_lost_runs


def test_it_serves_while_the_block_lasts(listener):
    with background.run(echo, listener) as server:
        assert ask(listener) == b"hello"
        assert server.running
    assert not server.running
    assert server.left_open == ()


def test_a_result_is_kept():
    with background.run(divmod, 7, 2) as server:
        assert server.wait()
    assert server.result == (3, 1)
    assert server.error is None


def test_keywords_are_passed_on():
    with background.run(lambda *, word: word * 2, word="ab") as server:
        server.wait()
    assert server.result == "abab"


def test_it_runs_without_a_block(listener):
    server = background.run(echo, listener)
    assert ask(listener) == b"hello"
    server.stop()
    server.stop()
    assert not server.running


def test_the_thread_has_the_name_given():
    with background.run(lambda: threading.current_thread().name, name="echo server") as server:
        server.wait()
    assert server.result == "echo server"
    assert repr(server) == "<echo server ended>"


def test_wait_gives_up_after_its_timeout(listener):
    with background.run(echo, listener) as server:
        assert not server.wait(0.01)


def test_it_runs_again_on_the_same_listener(listener):
    name = listener.getsockname()
    for _ in range(3):
        with background.run(echo, listener):
            assert ask(listener) == b"hello"
    assert listener.getsockname() == name
    assert listener.gettimeout() is None


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="only Linux shows the limit")
def test_the_listener_keeps_its_backlog():
    with open_listener(backlog=3) as listener:
        before = unblocking.listener_state_of(listener)
        with background.run(echo, listener):
            ask(listener)
        assert unblocking.listener_state_of(listener) == before
        assert before.backlog == 3


def test_wrong_arguments_are_refused_immediately():
    with pytest.raises(TypeError, match="missing a required argument: 'listener'"):
        background.run(echo)


def test_entering_waits_until_it_is_ready(family):
    found = []

    def serve(host, ready):
        with open_listener(host) as listener:
            found.append(listener.getsockname()[:2])
            ready.set()
            echo(listener)

    with background.run(serve, family.host) as server:
        assert server.ready.is_set()
        with socket.create_connection(found[0]) as client:
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"


def test_an_error_before_ready_is_raised():
    def fail(ready):
        raise LookupError("too early")

    with pytest.raises(LookupError, match="too early"), background.run(fail):
        pytest.fail("the block was entered")


def test_a_server_that_is_never_ready_is_located(listener):
    def forget(listener, ready):
        listener.accept()

    with (
        pytest.raises(NotReady, match=r"forget\(\), line \d+: `listener.accept\(\)`"),
        background.run(forget, listener, deadline_s=0.2),
    ):
        pytest.fail("the block was entered")


def test_a_server_that_returns_before_ready_fails():
    with (
        pytest.raises(NotReady, match=r"without calling ready.set\(\)"),
        background.run(lambda ready: None),
    ):
        pytest.fail("the block was entered")


def test_an_event_passed_as_ready_is_kept():
    mine = threading.Event()
    with background.run(lambda ready: ready, mine) as server:
        server.wait()
    assert server.result is mine


def test_a_recording_shows_only_the_function(listener, monkeypatch):
    seen = []
    for name in ("accept", "close", "getsockname", "getsockopt", "setblocking", "shutdown"):
        original = getattr(socket.socket, name)

        def note(sock, *args, name=name, original=original):
            seen.append(name)
            return original(sock, *args)

        monkeypatch.setattr(socket.socket, name, note)
    with background.run(lambda listener: listener.accept(), listener):
        pass
    assert seen == ["accept"]


def test_runs_may_be_nested(listener):
    def probe(listener):
        with background.run(echo, listener) as inner:
            ask(listener)
        return inner.running

    with background.run(probe, listener, name="check") as outer:
        assert outer.wait()
    assert outer.result is False


def test_a_nested_run_is_stopped_from_outside(listener):
    entered = threading.Event()

    def probe(listener):
        with background.run(echo, listener), connect(listener) as client:
            entered.set()
            client.recv(1)

    with background.run(probe, listener, name="check"):
        assert entered.wait(5)


def test_a_lost_handle_stops_its_server(listener):
    server = background.run(echo, listener)
    del server
    wait_for_lost_runs()


def test_a_coroutine_is_run_and_cancelled(listener):
    ended = []

    async def serve(listener, ready):
        async def handle(reader, writer):
            writer.write(await reader.read(100))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        try:
            async with await asyncio.start_server(handle, sock=listener.dup()) as server:
                ready.set()
                await server.serve_forever()
        finally:
            ended.append(True)

    for _ in range(2):
        with background.run(serve, listener) as server:
            assert ask(listener) == b"hello"
        assert server.error is None
    assert ended == [True, True]


def test_a_coroutine_that_blocks_is_unblocked(listener):
    async def block(listener):
        listener.accept()

    with background.run(block, listener):
        pass


def test_it_can_be_entered_into_a_stack(listener):
    with ExitStack() as stack:
        server = stack.enter_context(background.run(echo, listener))
        assert ask(listener) == b"hello"
    assert not server.running


def test_many_runs_leave_nothing(listener):
    running, sockets = threading.active_count(), len(live_sockets())
    for _ in range(200):
        with background.run(echo, listener):
            assert ask(listener) == b"hello"
    assert threading.active_count() == running
    assert len(live_sockets()) == sockets


def test_a_hanging_server_does_not_keep_the_process():
    code = (
        "from sockets_lab import background\n"
        "import threading\n"
        "server = background.run(threading.Event().wait, deadline_s=0.1)\n"
        "print('end')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr, done.returncode) == ("end\n", "", 0)


def test_a_thread_that_cannot_start_is_forgotten(monkeypatch):
    def fail(thread):
        raise RuntimeError("can't start new thread")

    def spawn(stop):
        monkeypatch.setattr(threads, "_plain_start", fail)
        with pytest.raises(RuntimeError, match="can't start"):
            threading.Thread(target=print).start()
        monkeypatch.undo()

    with background.run(spawn) as server:
        server.wait()
