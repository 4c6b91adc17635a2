"""Recording leaves the socket class, the sockets and Ctrl-C as they were."""

import functools
import gc
import random
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from types import FrameType
from typing import Any

import pytest

from sockets_lab import record
from sockets_lab.recording import Recording
from sockets_lab.recording.journal import Journal
from sockets_lab.recording.patches import Patches
from tests.conftest import Family
from tests.recording.test_recording import connect, lines, listener
from tests.support.interrupting import interrupted_at_instruction, no_collection

__all__ = ["listener"]  # a fixture of the other file


@pytest.fixture(autouse=True)
def unpatched() -> Iterator[None]:
    """Fail a test that leaves the class or the handler of Ctrl-C other than it found them."""
    methods, handler = dict(vars(socket.socket)), signal.getsignal(signal.SIGINT)
    yield
    assert dict(vars(socket.socket)) == methods
    assert signal.getsignal(signal.SIGINT) is handler


def is_patched() -> bool:
    return "recv" in vars(socket.socket)


def names(recording: Recording) -> list[str]:
    return [call.name for call in recording]


def test_restores_methods_of_python_and_of_c() -> None:
    accept = socket.socket.accept
    with record():
        assert socket.socket.accept is not accept
        assert is_patched()
        assert socket.socket.recv.__doc__ == super(socket.socket, socket.socket).recv.__doc__
    assert socket.socket.accept is accept
    assert not is_patched()


def test_restores_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), record():
        1 / 0  # noqa: B018  # the error is the point
    assert not is_patched()


def test_traceback_shows_only_the_learners_code(listener: socket.socket) -> None:
    listener.setblocking(False)
    with pytest.raises(BlockingIOError) as refused, record(), record():
        listener.accept()
    files = {entry.path.name for entry in refused.traceback}
    assert files <= {"test_patches.py", "socket.py"}


def test_nests(listener: socket.socket) -> None:
    with record() as outer:
        listener.getsockname()
        with record() as inner:
            listener.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
        assert is_patched()
        listener.settimeout(None)
    assert names(outer) == ["getsockname", "getsockopt", "settimeout"]
    assert names(inner) == ["getsockopt"]
    assert inner[0].number == 1
    assert inner.roles is outer.roles


def test_overlaps(listener: socket.socket) -> None:
    first, second = record(), record()
    with ExitStack() as first_ends, ExitStack() as second_ends:
        first_ends.enter_context(first)
        listener.getsockname()
        second_ends.enter_context(second)
        listener.settimeout(None)
        first_ends.close()
        assert is_patched()
        listener.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    assert names(first) == ["getsockname", "settimeout"]
    assert names(second) == ["settimeout", "getsockopt"]


def test_runs_once() -> None:
    with record() as recording:
        pass
    with pytest.raises(ValueError, match="has been used: make a new one"):
        recording.__enter__()
    assert not is_patched()


def test_recordings_in_threads_may_race(listener: socket.socket) -> None:
    gate = threading.Barrier(4)
    wrong: list[str] = []

    def race() -> None:
        gate.wait()
        for _ in range(100):
            with record() as recording:
                listener.getsockname()
            name = threading.current_thread().name
            if [call.name for call in recording if call.thread == name] != ["getsockname"]:
                wrong.append(str(recording))

    threads = [threading.Thread(target=race, name=f"racer {number}") for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_leaves_a_later_patch_of_another_tool(listener: socket.socket) -> None:
    asked: list[str] = []
    with record() as recording:
        ours = socket.socket.getsockname

        def theirs(sock: socket.socket) -> Any:
            asked.append("getsockname")
            return ours(sock)

        socket.socket.getsockname = theirs  # type: ignore[method-assign]
    try:
        assert socket.socket.getsockname is theirs
        assert listener.getsockname()  # through ours, which is over
        with record() as again:
            listener.getsockname()
        assert socket.socket.getsockname is theirs
    finally:
        del socket.socket.getsockname
    assert len(asked) == 2
    assert (names(recording), names(again)) == ([], ["getsockname"])


def test_calls_an_earlier_patch_of_another_tool(listener: socket.socket) -> None:
    asked: list[str] = []
    below = socket.socket.getsockname

    def theirs(sock: socket.socket) -> Any:
        asked.append("getsockname")
        return below(sock)

    socket.socket.getsockname = theirs  # type: ignore[method-assign]
    try:
        with record() as recording:
            listener.getsockname()
        assert socket.socket.getsockname is theirs
    finally:
        del socket.socket.getsockname
    assert (asked, names(recording)) == (["getsockname"], ["getsockname"])


def test_shows_a_call_that_waits_and_its_end(listener: socket.socket) -> None:
    with record() as recording:
        thread = threading.Thread(target=lambda: listener.accept()[0].close(), name="server")
        thread.start()
        while not len(recording):
            pass  # accept() is about to begin
        (waiting,) = recording
        assert str(waiting) == "listener: accept() ... still waiting"
    assert not recording[0].finished
    assert recording[0].waited_s > 0
    assert (recording[0].nbytes, recording[0].error, recording[0].result) == (None, None, "")
    connect(listener).close()
    thread.join()
    assert not waiting.finished  # a record does not change
    assert recording[0].finished
    assert str(recording) == "listener: accept() -> connection 1 from client 1's address"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_does_not_keep_sockets_alive(listener: socket.socket) -> None:
    with record() as recording:
        client = connect(listener)
        client.sendall(b"hello")
        connection, _ = listener.accept()
        connection.recv(5)
        del client
        gc.collect()
        assert connection.recv(1) == b""  # the collected client was closed
        connection.close()
    assert [call.role for call in recording.of("client 1")] == ["client 1"] * 3


def test_leaks_still_cause_a_warning(family: Family) -> None:
    def leak() -> None:
        socket.socket(family.family).getsockname()

    with record(), pytest.warns(ResourceWarning, match="unclosed"):
        leak()


def test_records_subclasses_and_keeps_types(listener: socket.socket) -> None:
    class Own(socket.socket):
        def connect(self, address: object) -> None:
            super().connect(address)  # type: ignore[arg-type]  # any address

    with record() as recording:
        with Own(listener.family) as client:
            client.connect(listener.getsockname())
            assert type(client) is Own
        with socket.socket(listener.family) as plain:
            assert type(plain) is socket.socket
    calls = [line for line in lines(recording) if line.startswith("client 1: c")]
    assert calls == ["client 1: connect(the listener's address)", "client 1: close()"]


STRUCK = {f"sockets_lab.{name}" for name in ("interrupts.guard", "recording.recorder")}
STRUCK.add("sockets_lab.recording.patches")
PATCHING_ONE = ("_patch", "_recorded", "_init", "_method", "_recv", "_send")  # 25 times the same


def test_interrupt_anywhere_leaves_nothing_behind() -> None:
    """Ctrl-C is raised before each bytecode instruction of entering and leaving, one a run."""
    instruction = 0
    while interrupted_at_instruction(instruction, session, STRUCK, without=PATCHING_ONE):
        assert not is_patched(), f"left patched by an interrupt at instruction {instruction}"
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        instruction += 1
    assert instruction > 500


def session() -> None:
    with record(), record():
        pass


def test_random_interrupts_leave_nothing_behind(listener: socket.socket) -> None:
    chance = random.Random(1)
    main = threading.main_thread().ident or 0
    strike = functools.partial(signal.pthread_kill, main, signal.SIGINT)
    # All are kept: Python itself loses an interrupt that strikes while a Thread is collected.
    timers = [threading.Timer(chance.uniform(0.0, 0.002), strike) for _ in range(100)]
    struck = 0
    gc.collect()
    with no_collection():
        for timer in timers:
            try:
                timer.start()
                while timer.is_alive():
                    with record() as recording:
                        listener.getsockname()
                        assert len(recording) == 1
                timer.join()
            except KeyboardInterrupt:
                struck += 1
            timer.join()
            assert not is_patched()
    assert struck >= 95


def test_interrupt_in_the_block_is_immediate() -> None:
    with pytest.raises(KeyboardInterrupt), record():
        signal.raise_signal(signal.SIGINT)


def test_leaves_a_handler_set_in_the_block() -> None:
    def own(number: int, frame: FrameType | None) -> None: ...

    before = signal.getsignal(signal.SIGINT)
    try:
        with record():
            signal.signal(signal.SIGINT, own)
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


def test_records_where_interrupts_are_ignored(listener: socket.socket) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with record() as recording:
            listener.getsockname()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert names(recording) == ["getsockname"]


def test_patching_twice_is_undone_by_removing_once() -> None:
    patches = Patches(Journal())
    patches.apply()
    patches.apply()
    assert is_patched()
    patches.remove()
    assert not is_patched()
