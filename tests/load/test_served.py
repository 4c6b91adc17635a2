"""A server in a child process: its arguments, its errors, its usage, and how it ends."""

import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from threading import Event

import pytest

import sockets_lab
from sockets_lab.listeners import open_listener
from sockets_lab.load import kernel_memory, served, serving
from sockets_lab.load.usage import cpu_s, memory, usage
from tests.conftest import Family
from tests.support import child_servers
from tests.support.interrupting import interrupted_after

REPOSITORY = Path(sockets_lab.__file__).parents[1]

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports this")
posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX processes only")


def exchange(address: tuple[object, ...], request: bytes = b"hello") -> bytes:
    with socket.create_connection(address[:2], timeout=5) as client:
        client.sendall(request)
        return client.recv(1024)


def wait_until_gone(pid: int, within_s: float = 5.0) -> bool:
    """Return True if a process that is not our child ends in time."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], within_s)[0])
    finally:
        os.close(process)


# Its arguments


def test_serves_at_its_address(family: Family) -> None:
    with serving(child_servers.echo, host=family.host) as server:
        assert server.address[0] == family.host
        assert exchange(server.address) == b"hello"
        assert server.pid != os.getpid()


def test_takes_the_names_of_functions() -> None:
    with serving(
        "tests.support.child_servers:capitals", "tests.support.child_servers:upper"
    ) as server:
        assert exchange(server.address) == b"HELLO"


def test_sends_the_closure_of_a_function() -> None:
    greeting = b"welcome"

    def greet(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(greeting)

    with serving(greet) as server:
        assert exchange(server.address) == greeting


def test_runs_a_coroutine() -> None:
    with serving(child_servers.coroutine) as server:
        assert exchange(server.address) == b"hello"


def test_ends_a_server_without_stop() -> None:
    with serving(child_servers.without_stop) as server:
        assert exchange(server.address) == b"hello"


def test_refuses_clients_after_listener_is_closed() -> None:
    def closes_after_one(listener: socket.socket, stop: Event) -> None:
        first, _ = listener.accept()
        listener.close()
        with first:
            first.sendall(b"closed")
            stop.wait()

    with serving(closes_after_one) as server:
        assert exchange(server.address) == b"closed"
        with pytest.raises(ConnectionRefusedError):
            exchange(server.address)


def test_leaves_the_callers_listener_open(family: Family) -> None:
    with open_listener(family.host) as listener:
        with serving(child_servers.echo, listener=listener) as server:
            assert server.address == listener.getsockname()
            assert exchange(server.address) == b"hello"
        assert listener.fileno() != -1


def test_duplicates_the_listener_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, forced here."""

    class Listener:
        def share(self, pid: int) -> bytes:
            return b"for %d" % pid

    monkeypatch.setattr(socket, "fromshare", lambda handle: (handle, "taken"), raising=False)
    handle = served._share(Listener(), 42)
    assert served._take(handle) == (b"for 42", "taken")


@posix_only
def test_sets_the_limit_of_descriptors(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(child_servers.prints_its_limit, descriptors=50):
        pass
    assert capsys.readouterr().out.split()[0] == "50"


def test_prints_its_text_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    def speak(listener: socket.socket, stop: Event) -> None:
        print("zum Lauschen: ☎")

    with serving(speak):
        pass
    assert capsys.readouterr().out == "zum Lauschen: ☎\n"


# Its errors


def test_raises_its_error_after_the_block() -> None:
    with (
        pytest.raises(LookupError, match="lost at the end") as caught,
        serving(child_servers.raises_at_the_end),
    ):
        pass
    assert "in raises_at_the_end" in caught.value.__notes__[0]


def test_notes_its_error_on_that_of_the_block() -> None:
    def block() -> None:
        with serving(child_servers.raises) as server:
            exchange(server.address)

    with pytest.raises(OSError, match=r".") as caught:
        block()
    assert "the server had ended: LookupError('no such service')" in caught.value.__notes__[0]


def test_raises_an_error_of_the_block_alone() -> None:
    with pytest.raises(ZeroDivisionError) as caught, serving(child_servers.echo):
        _ = 1 / 0
    assert not hasattr(caught.value, "__notes__")


def test_keeps_the_cause_of_an_error_of_the_block() -> None:
    cause = KeyError("first")
    with pytest.raises(ValueError, match="second") as caught, serving(child_servers.echo):
        raise ValueError("second") from cause
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize(
    ("serve", "error", "complaint"),
    [
        (
            "tests.support.child_servers",
            ValueError,
            "'tests.support.child_servers' does not name a function: write it as",
        ),
        ("tests.nowhere:serve", ModuleNotFoundError, "tests.nowhere"),
        ("tests.support.child_servers:nothing", AttributeError, "nothing"),
    ],
)
def test_refuses_a_wrong_name_before_the_block(
    serve: str, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint), serving(serve):
        pytest.fail("the block began")


def test_refuses_what_cannot_be_sent() -> None:
    def serve(listener: socket.socket) -> None:
        sock.getsockname()

    with (
        socket.socket() as sock,
        pytest.raises(TypeError, match="open sockets, files and locks inside"),
        serving(serve),
    ):
        pytest.fail("the block began")


def test_ends_a_server_that_does_not_stop() -> None:
    with (
        pytest.raises(TimeoutError, match=r"still running 0\.1 s after `stop` was set"),
        serving(child_servers.never_stops, stop_s=0.1) as server,
    ):
        pid = server.pid
    with pytest.raises(ProcessLookupError):
        cpu_s(pid)


@posix_only
def test_reports_that_it_was_killed() -> None:
    with (
        pytest.raises(RuntimeError, match=r"before the server returned \(killed by SIGKILL\)"),
        serving(child_servers.echo) as server,
    ):
        os.kill(server.pid, signal.SIGKILL)


# Its usage


def test_its_cpu_time_grows_with_its_work() -> None:
    def works(listener: socket.socket, stop: Event) -> None:
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
        with listener.accept()[0] as connection:
            connection.sendall(b"done")
            stop.wait()

    with serving(works) as server:
        before = server.cpu_s()
        exchange(server.address)
        worked = server.cpu_s()
        assert worked >= 0.1
        assert worked >= before
        assert server.cpu_s() - worked < 0.05  # it only waits


@posix_only
def test_counts_the_work_of_its_children() -> None:
    with serving(child_servers.lets_a_child_work, work_s=0.1) as server:
        child = int(exchange(server.address))
        while cpu_s(child) < 0.1:
            assert wait_until_gone(child, 0.02) is False
        assert server.cpu_s() > cpu_s(child)
        assert server.memory().processes == 2
        assert server.memory().rss > memory(child).rss


def test_measures_its_memory(family: Family) -> None:
    with serving(child_servers.echo, host=family.host) as server:
        taken = server.memory()
    assert taken.rss > 0
    assert taken.pss is None or 0 < taken.pss <= taken.rss


@linux_only
def test_measures_the_memory_of_the_kernel() -> None:
    held = kernel_memory()
    assert held is not None
    assert held.nbytes > 0
    assert "/proc/meminfo" in held.source


@linux_only
def test_measures_cpu_time_without_kernel_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on systems that have no such clock: psutil measures, in coarser steps."""
    fine = usage(os.getpid())
    monkeypatch.setattr(sys, "platform", "elsewhere")
    assert cpu_s(os.getpid()) == pytest.approx(fine.cpu_s, abs=0.2)


# How it ends


@posix_only
@pytest.mark.parametrize(
    "serve", [child_servers.echo, child_servers.never_stops, child_servers.without_stop]
)
def test_an_interrupt_ends_it_within_a_second(serve: object) -> None:
    with pytest.raises(KeyboardInterrupt), serving(serve, stop_s=30) as server:  # noqa: PT012
        pid = server.pid
        began = time.monotonic()
        with interrupted_after(0.02):
            Event().wait(30)
    assert time.monotonic() - began < 1.0
    with pytest.raises(ProcessLookupError):
        cpu_s(pid)


@posix_only
def test_an_interrupt_at_its_start_leaves_nothing() -> None:
    for delay_s in (0.001, 0.01, 0.05):
        with (
            pytest.raises(KeyboardInterrupt),
            interrupted_after(delay_s),
            serving(child_servers.echo),
        ):
            Event().wait(5)


@posix_only
def test_its_children_end_with_it() -> None:
    with serving(child_servers.lets_a_child_work, work_s=0.0) as server:
        child = int(exchange(server.address))
    assert wait_until_gone(child)


@linux_only
def test_dies_with_its_parent() -> None:
    script = textwrap.dedent("""
        import os, signal, socket
        from sockets_lab.load import serving
        from tests.support import child_servers

        with serving(child_servers.lets_a_child_work, work_s=0.0, stop_s=0.2) as server:
            with socket.create_connection(server.address) as client:
                print(server.pid, client.recv(100).decode().strip(), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert ended.returncode == -signal.SIGKILL
    for pid in map(int, ended.stdout.split()):
        assert wait_until_gone(pid)
