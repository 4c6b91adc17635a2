"""A function runs beside the notebook, and the prompt comes back whatever it does."""

import asyncio
import errno
import gc
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic

import pytest

from sockets_lab import background, open_listener
from sockets_lab.background import (
    Background,
    NotReady,
    StillRunning,
    ownership,
    threads,
    unblocking,
)
from sockets_lab.background.ownership import OpenSockets, live_sockets, sockets_in
from tests.support.interrupting import (
    interrupted_after,
    interrupted_at_instruction,
    interrupted_on_entry,
    interrupted_once_waiting,
)

PLAIN_START = threading.Thread.start
OUR_FILES = {"sockets_lab.background", "sockets_lab.interrupts.guard"}
MUCH = bytes(1 << 24)  # more than both buffers of a loopback connection hold

on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such timer")


@pytest.fixture(autouse=True)
def start_is_put_back():
    yield
    assert threading.Thread.start is PLAIN_START


@pytest.fixture
def listener(family):
    with open_listener(family.host) as listener:
        yield listener


def connect(listener):
    return socket.create_connection(listener.getsockname()[:2], timeout=10)


def echo(listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(100):
                connection.sendall(data)


def ask(listener, text=b"hello"):
    with connect(listener) as client:
        client.sendall(text)
        return client.recv(100)


# It runs


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


def test_waiting_for_a_server_that_does_not_end_gives_up(listener):
    with background.run(echo, listener) as server:
        assert not server.wait(0.01)


def test_it_can_run_again_on_the_same_listener(listener):
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


def test_a_function_that_cannot_be_called_so_is_refused_at_once():
    with pytest.raises(TypeError, match="missing a required argument: 'listener'"):
        background.run(echo)


# Whatever it waits on, it is freed


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


class Server:
    def __init__(self, listener, waits):
        self.listener, self.waits, self.connections = listener, waits, {}

    def serve(self):
        while True:
            connection, peer = self.listener.accept()
            self.connections[peer] = {"socket": connection}
            self.waits.set()
            self.connections[peer]["socket"].recv(1)


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
def test_a_thread_that_waits_for_its_client_is_freed(listener, wait):
    waits = threading.Event()
    with connect(listener) as client:
        with background.run(wait, listener, waits) as server:
            assert waits.wait(5)
        assert not server.running
        assert client.fileno() != -1


def test_a_thread_that_waits_in_connect_is_freed():
    with open_listener(backlog=0) as full, connect(full):
        started = threading.Event()

        def dial():
            with socket.socket() as client:
                started.set()
                client.connect(full.getsockname())
                client.recv(1)

        with background.run(dial, name="client"):
            assert started.wait(5)


def test_a_thread_that_waits_for_a_datagram_is_freed(family):
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


def test_a_socket_named_in_the_module_is_found(family):
    module = {"listener": open_listener(family.host)}
    exec("def serve():\n    while True:\n        listener.accept()[0].recv(1)", module)
    with (
        module["listener"] as listener,
        connect(listener),
        background.run(module["serve"]) as server,
    ):
        assert server.running


def test_a_connection_that_no_frame_holds_is_found_by_its_address(listener):
    kept, waits = threading.local(), threading.Event()

    def hide(listener):
        kept.connection = listener.accept()[0]
        waits.set()
        kept.connection.recv(1)

    with connect(listener), background.run(hide, listener):
        assert waits.wait(5)


def test_stop_is_handed_over_and_left_time_for(listener):
    def serve(listener, stop):
        listener.settimeout(0.02)
        while not stop.is_set():
            try:
                listener.accept()[0].close()
            except TimeoutError:
                continue
        return "ended by itself"

    with background.run(serve, listener) as server:
        assert ask(listener, b"") == b""
    assert server.result == "ended by itself"


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


# Systems where shutdown() does not wake accept()


@pytest.fixture
def elsewhere(monkeypatch):
    """A system whose shutdown() refuses what is not connected, and wakes nobody."""
    plain = unblocking.plain

    class Unwaking(plain):
        def shutdown(self, how):
            if unblocking.is_listening(self) or self.type == socket.SOCK_DGRAM:
                raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
            plain.shutdown(self, how)

    monkeypatch.setattr(unblocking, "plain", Unwaking)


@pytest.mark.usefixtures("elsewhere")
def test_without_waking_shutdown_accept_is_woken_by_a_client(listener):
    before = unblocking.listener_state_of(listener)
    for _ in range(3):
        with background.run(echo, listener):
            assert ask(listener) == b"hello"
    assert unblocking.listener_state_of(listener) == before


@pytest.mark.usefixtures("elsewhere")
def test_without_waking_shutdown_a_wildcard_listener_is_woken():
    with open_listener("0.0.0.0", expose=True) as listener, background.run(echo, listener):
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"


@pytest.mark.usefixtures("elsewhere")
def test_without_waking_shutdown_a_datagram_socket_is_woken():
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        with background.run(lambda: [sock.recvfrom(1) for _ in range(9)]):
            pass


# Its errors


def test_an_exception_is_raised_in_the_cell_that_stops_it():
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


def test_a_client_of_a_server_that_died_does_not_wait(listener):
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


def test_a_client_that_nobody_accepted_does_not_wait_either(listener):
    with (
        connect(listener) as client,
        pytest.raises(ZeroDivisionError),
        background.run(lambda listener: 1 / 0, listener),
        pytest.raises(ConnectionResetError),
    ):
        client.recv(1)


def test_a_listener_that_another_run_uses_survives_a_death(listener):
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


def test_errors_of_our_own_making_are_not_raised(listener):
    def unguarded(listener):
        listener.accept()

    with background.run(unguarded, listener) as server:
        pass
    assert server.error is None


def test_other_errors_are_raised_even_when_it_is_stopped(listener):
    def clumsy(listener):
        try:
            listener.accept()
        finally:
            os.stat("/nowhere/at/all")

    with pytest.raises(FileNotFoundError), background.run(clumsy, listener):
        pass


# What cannot be ended


@pytest.fixture
def gate():
    """An event that a function may wait on for ever; it is opened at the end of the test."""
    gate = threading.Event()
    before = set(threading.enumerate())
    yield gate
    gate.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)


def test_what_still_runs_is_told_with_its_line(gate):
    def hang():
        gate.wait()

    with pytest.raises(StillRunning) as caught, background.run(hang, deadline_s=0.3):
        pass
    line = hang.__code__.co_firstlineno + 1
    assert str(caught.value) == (
        "server still runs 0.3 s after it was told to stop: it stands in hang(), line "
        f"{line}: `gate.wait()`; give calls that wait a timeout, and let loops end when `stop` is "
        "set"
    )


def test_a_thread_that_it_started_and_cannot_be_ended_is_told_too(gate):
    def spawn():
        threading.Thread(target=lambda: gate.wait(), daemon=True).start()

    with (
        pytest.raises(StillRunning, match=r"gate\.wait"),
        background.run(spawn, deadline_s=0.3) as server,
    ):
        server.wait()


def test_its_sockets_are_closed_all_the_same(gate):
    opened = []

    def hang():
        opened.append(open_listener())
        gate.wait()

    with pytest.raises(StillRunning), background.run(hang, deadline_s=0.3) as server:
        pass
    assert opened[0].fileno() == -1
    assert server.left_open == ("listener",)


# Ready


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


def test_an_error_before_it_is_ready_is_raised_on_entering():
    def fail(ready):
        raise LookupError("too early")

    with pytest.raises(LookupError, match="too early"), background.run(fail):
        pytest.fail("the block was entered")


def test_a_server_that_is_never_ready_is_told_where_it_stands(listener):
    def forget(listener, ready):
        listener.accept()

    with (
        pytest.raises(NotReady, match=r"forget\(\), line \d+: `listener.accept\(\)`"),
        background.run(forget, listener, deadline_s=0.2),
    ):
        pytest.fail("the block was entered")


def test_a_server_that_returns_before_it_is_ready_is_told():
    with (
        pytest.raises(NotReady, match=r"had not called ready.set\(\)"),
        background.run(lambda ready: None),
    ):
        pytest.fail("the block was entered")


def test_an_event_of_ones_own_is_not_replaced():
    mine = threading.Event()
    with background.run(lambda ready: ready, mine) as server:
        server.wait()
    assert server.result is mine


# What it starts and leaves behind


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


def test_an_error_in_a_thread_that_it_started_is_raised(listener):
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
def test_a_listener_that_cannot_be_reopened_is_told_at_the_next_run():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # without SO_REUSEADDR
        listener.listen()
        with connect(listener) as client, background.run(echo, listener):
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
        with pytest.raises(ValueError, match="listener was shut down when an earlier run"):
            background.run(echo, listener)


def test_a_recording_sees_none_of_this(listener, monkeypatch):
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


def test_a_handle_that_is_lost_stops_its_server(listener):
    server = background.run(echo, listener)
    del server
    wait_for_lost_runs()


# Coroutines


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


def test_a_coroutine_that_blocks_its_loop_is_freed(listener):
    async def block(listener):
        listener.accept()

    with background.run(block, listener):
        pass


# Interrupts


def wait_for_lost_runs():
    """Wait for the rare run whose handle was lost because the interrupt struck beside `with`."""
    names = ("server", "end of a lost run")
    while lost := [thread for thread in threading.enumerate() if thread.name in names]:
        gc.collect()
        lost[0].join(5)


@on_posix
def test_an_interrupted_block_stops_the_server(listener):
    def wait_for_a_byte():
        client.recv(1)

    with (
        connect(listener) as client,
        pytest.raises(KeyboardInterrupt),
        interrupted_once_waiting(wait_for_a_byte),
        background.run(echo, listener),
    ):
        wait_for_a_byte()


@on_posix
def test_an_interrupt_while_it_gets_ready_stops_it(listener):
    def never(listener, ready):
        listener.accept()

    with (
        pytest.raises(KeyboardInterrupt),
        interrupted_once_waiting(Background.__enter__),
        background.run(never, listener, deadline_s=60),
    ):
        pytest.fail("the block was entered")


@on_posix
def test_an_interrupt_while_it_is_stopped_gives_the_prompt_back(gate):
    began = monotonic()
    server = background.run(lambda: gate.wait(), deadline_s=60)
    with pytest.raises(KeyboardInterrupt), interrupted_once_waiting(Background.stop):
        server.stop()
    assert monotonic() - began < 5


def test_an_interrupt_goes_on_with_a_note_of_what_still_runs(gate):
    began = monotonic()
    with (
        pytest.raises(KeyboardInterrupt) as caught,
        background.run(lambda: gate.wait(), deadline_s=60),
    ):
        raise KeyboardInterrupt
    assert monotonic() - began < 5
    assert "server still runs 0.6 s after it was told to stop" in caught.value.__notes__[0]


@on_posix
def test_interrupts_at_any_moment_leave_nothing(listener):
    def be_interrupted_in(delay_s):
        with (
            connect(listener) as client,
            interrupted_after(delay_s),
            background.run(echo, listener),
        ):
            while True:
                client.sendall(b"hello")
                client.recv(100)

    dice = random.Random(2)
    for _ in range(200):
        with pytest.raises(KeyboardInterrupt):
            be_interrupted_in(dice.uniform(1e-5, 0.02))
        wait_for_lost_runs()


@on_posix
def test_interrupts_while_it_stops_leave_nothing(listener):
    dice = random.Random(3)
    for _ in range(200):
        server = background.run(echo, listener)
        with pytest.raises(KeyboardInterrupt), interrupted_after(dice.uniform(1e-5, 0.002)):
            stop_and_wait(server)
        server.stop()


def stop_and_wait(server):
    server.stop()
    while True:
        pass


def test_an_interrupt_at_the_entry_of_the_exit_stops_it(listener):
    with (
        pytest.raises(KeyboardInterrupt),
        interrupted_on_entry(Background.__exit__),
        background.run(echo, listener) as server,
    ):
        pass
    assert not server.running


def test_an_interrupt_at_the_entry_of_the_exit_is_in_a_hurry(gate):
    began = monotonic()
    with (
        pytest.raises(KeyboardInterrupt) as caught,
        interrupted_on_entry(Background.__exit__),
        background.run(gate.wait, deadline_s=60),
    ):
        pass
    assert monotonic() - began < 5
    assert isinstance(caught.value.__context__, StillRunning)


def test_an_interrupt_at_any_instruction_leaves_nothing(listener):
    def session():
        with background.run(echo, listener):
            pass

    number = 0
    # run() comes before the block. _abandon() is a finalizer: Python drops every exception there.
    while interrupted_at_instruction(number, session, OUR_FILES, ("run", "__init__", "_abandon")):
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        wait_for_lost_runs()  # before the guard is held, at the entry of __enter__
        number += 1
    assert number > 200


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


def test_a_process_ends_although_a_server_hangs():
    code = (
        "from sockets_lab import background\n"
        "import threading\n"
        "server = background.run(threading.Event().wait, deadline_s=0.1)\n"
        "print('end')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr, done.returncode) == ("end\n", "", 0)


# Its parts


def test_a_listener_that_is_freed_twice_serves_again(listener):
    door = unblocking.listener_state_of(listener)
    unblocking.free(listener)
    unblocking.free(listener)
    assert unblocking.reopen(listener, door)
    with connect(listener) as client, listener.accept()[0] as connection:
        client.sendall(b"hello")
        assert connection.recv(100) == b"hello"


def test_sockets_are_found_where_people_keep_them():
    with socket.socket() as sock:
        for place in (
            sock,
            [sock],
            {"a": (sock,)},
            {sock: 1},
            Server(sock, None),
            lambda: sock,
            Server(sock, None).serve,
        ):
            assert sockets_in([place]) == [sock]
        assert sockets_in([Server(sock, None)], attributes=False) == []


def test_every_live_socket_is_known_and_no_closed_one():
    class Special(socket.socket):
        pass

    with socket.socket() as plain, Special() as special, socket.socket() as closed:
        closed.close()
        known = live_sockets()
    assert plain in known
    assert special in known
    assert closed not in known


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


@pytest.mark.parametrize("listed", [True, False], ids=["listed by the kernel", "looked for"])
def test_a_census_tells_old_from_new(monkeypatch, listed):
    if not listed:
        monkeypatch.setattr(ownership, "_socket_inodes", lambda: None)
    with socket.socket() as old:
        census = OpenSockets()
        with socket.socket() as new:
            assert old in census
            assert new not in census
            assert census.has_grown()


def test_leftovers_are_found_where_the_kernel_does_not_list_sockets(monkeypatch, listener):
    monkeypatch.setattr(ownership, "_socket_inodes", lambda: None)
    test_what_it_left_open_is_closed_and_named(listener)
    test_a_connection_from_before_is_left_alone(listener)


def test_a_hanging_server_does_not_slow_or_hang_who_is_traced(gate):
    # On Python 3.11 a SystemExit that nobody takes hangs every traced thread.
    with pytest.raises(StillRunning), background.run(lambda: gate.wait(), deadline_s=0.5):
        pass
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        (lambda: None)()
    finally:
        sys.settrace(before)


def test_a_hanging_server_is_told_also_to_who_is_traced(gate):
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
