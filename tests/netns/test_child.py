"""A function in a private network: what goes in, what comes back, and how it ends."""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cloudpickle
import pytest

from sockets_lab import netns
from sockets_lab.capabilities import has
from sockets_lab.netns import NoPrivateNetwork, in_private_network
from tests.conftest import Family

REPOSITORY = Path(netns.__file__).parents[2]
NOBODY = 65534

needs_namespaces = pytest.mark.skipif(
    not has("namespaces"), reason="this machine makes no private network"
)


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def wait_until_dead(pid: int, within_s: float = 5.0) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], within_s)[0])
    finally:
        os.close(process)


# What goes in and what comes back


@needs_namespaces
def test_returns_what_the_function_returns() -> None:
    assert in_private_network(lambda a, b: a + b, 2, 3) == 5


@needs_namespaces
def test_sends_the_closure_of_a_function() -> None:
    greeting = "hello"

    def greet(name: str) -> str:
        return f"{greeting}, {name}"

    assert in_private_network(greet, "kernel") == "hello, kernel"


@needs_namespaces
def test_raises_the_error_with_a_note_on_where() -> None:
    class TooMany(Exception):
        pass

    def overflow() -> None:
        raise TooMany("nine clients")

    with pytest.raises(TooMany, match="nine clients") as caught:
        in_private_network(overflow)
    assert 'in overflow: raise TooMany("nine clients")' in caught.value.__notes__[0]


@needs_namespaces
def test_raises_the_errno_of_the_kernel() -> None:
    def connect_nowhere() -> None:
        with socket.socket() as client:
            client.connect(("127.0.0.1", 9))

    with pytest.raises(ConnectionRefusedError):
        in_private_network(connect_nowhere)


@needs_namespaces
def test_forwards_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def speak() -> None:
        print("zum Lauschen: ☎")
        print("a warning", file=sys.stderr)

    in_private_network(speak)
    assert capsys.readouterr() == ("zum Lauschen: ☎\n", "a warning\n")


@needs_namespaces
def test_forwards_more_than_a_pipe_holds(capsys: pytest.CaptureFixture[str]) -> None:
    in_private_network(lambda: print("x" * 300_000))
    assert len(capsys.readouterr().out) == 300_001


@needs_namespaces
def test_returns_more_than_a_pipe_holds() -> None:
    assert in_private_network(lambda data: data * 2, b"x" * 500_000) == b"x" * 1_000_000


def test_explains_what_cannot_be_sent() -> None:
    with (
        socket.socket() as listener,
        pytest.raises(TypeError, match="cannot send the function and its arguments"),
    ):
        in_private_network(lambda: listener.listen())


@needs_namespaces
def test_explains_what_cannot_be_returned() -> None:
    with pytest.raises(TypeError, match="cannot send the result back"):
        in_private_network(threading.Lock)


@needs_namespaces
def test_replaces_an_error_that_is_not_unpickled() -> None:
    class Stubborn(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__("needs two numbers")

    def fail() -> None:
        raise Stubborn(1, 2)

    with pytest.raises(RuntimeError, match="Stubborn: needs two numbers"):
        in_private_network(fail)


@needs_namespaces
def test_reports_that_the_process_ended() -> None:
    with pytest.raises(RuntimeError, match=r"exit status 3.*no result"):
        in_private_network(os._exit, 3)
    with pytest.raises(RuntimeError, match="killed by SIGKILL"):
        in_private_network(lambda: os.kill(os.getpid(), signal.SIGKILL))


# What is inside


@needs_namespaces
def test_has_a_separate_network() -> None:
    def look() -> tuple[list[str], bool]:
        with socket.create_server(("127.0.0.1", 80)) as listener:  # a port for root, unused here
            names = [name for _, name in socket.if_nameindex()]
            with socket.create_connection(listener.getsockname()):
                return names, True

    assert in_private_network(look) == (["lo"], True)


@needs_namespaces
def test_has_both_families(family: Family) -> None:
    def exchange() -> str:
        with (
            socket.create_server((family.host, 0), family=family.family) as listener,
            socket.create_connection(listener.getsockname()[:2]) as client,
        ):
            return str(client.getpeername()[0])

    assert in_private_network(exchange) == family.host


def raw_powers() -> dict[str, object]:
    """Write settings, and open sockets that need privilege outside; return what was seen."""
    settings = Path("/proc/sys/net/ipv4")
    (settings / "tcp_syncookies").write_text("0")
    (settings / "tcp_max_syn_backlog").write_text("64")
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).close()
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    return {
        "cookies": (settings / "tcp_syncookies").read_text().strip(),
        "backlog": (settings / "tcp_max_syn_backlog").read_text().strip(),
        "user": os.getuid(),
    }


POWERS = {"cookies": "0", "backlog": "64", "user": 0}


@needs_namespaces
def test_is_root_inside_and_changes_nothing_else() -> None:
    before = Path("/proc/sys/net/ipv4/tcp_syncookies").read_text()
    assert in_private_network(raw_powers) == POWERS
    assert Path("/proc/sys/net/ipv4/tcp_syncookies").read_text() == before


def interpreter_of_another_user() -> str | None:
    """Find an interpreter of this version that user `nobody` may run: root's is often in /root."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}"):
        try:
            subprocess.run([candidate, "-c", ""], user=NOBODY, group=NOBODY, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    return None


@needs_namespaces
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="this user is not root")
def test_an_ordinary_user_has_the_same_powers() -> None:
    interpreter = interpreter_of_another_user()
    if interpreter is None:
        pytest.skip("no interpreter here that another user may run")
    code = (
        "import pathlib, socket, os; from sockets_lab.netns import in_private_network\n"
        "source = pathlib.Path('theirs.py').read_text()\n"
        "names = {'Path': pathlib.Path, 'socket': socket, 'os': os}\n"
        "exec(source[source.index('def raw_powers'):source.index('POWERS')], names)\n"
        "print(os.getuid(), in_private_network(names['raw_powers']))"
    )
    with tempfile.TemporaryDirectory() as name:  # so that another user may read it
        folder = Path(name)
        shutil.copytree(Path(cloudpickle.__file__).parent, folder / "cloudpickle")
        shutil.copytree(REPOSITORY / "sockets_lab", folder / "sockets_lab")
        shutil.copy(__file__, folder / "theirs.py")
        folder.chmod(0o755)
        done = subprocess.run(
            [interpreter, "-c", code],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd=folder,
            env={"PYTHONPATH": name, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
        )
    assert (done.stdout.strip(), done.stderr) == (f"{NOBODY} {POWERS}", "")


# How it ends


@needs_namespaces
def test_ends_at_the_deadline_and_shows_its_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def wait() -> None:
        print("waiting for a client")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.accept()

    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"wait\(\) was still running .* after 0.7 s"):
        in_private_network(wait, deadline_s=0.7)
    assert time.monotonic() - began < 2
    assert capsys.readouterr().out == "waiting for a client\n"


@needs_namespaces
def test_an_endless_print_ends_at_the_deadline(capsys: pytest.CaptureFixture[str]) -> None:
    def chatter() -> None:
        while True:
            print("again")

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        in_private_network(chatter, deadline_s=0.5)
    assert time.monotonic() - began < 2


@needs_namespaces
def test_a_running_thread_does_not_delay_it() -> None:
    def leave_one() -> str:
        threading.Thread(target=time.sleep, args=(60,)).start()
        return "done"

    began = time.monotonic()
    assert in_private_network(leave_one) == "done"
    assert time.monotonic() - began < 3


@needs_namespaces
def test_ends_the_processes_it_started() -> None:
    def start_one() -> int:
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid

    pid = in_private_network(start_one)
    assert wait_until_dead(pid)


@needs_namespaces
def test_leaves_no_descriptor_and_no_child() -> None:
    before = open_descriptors()
    for failing in (os.getpid, lambda: 1 / 0):
        with contextlib.suppress(ZeroDivisionError):
            in_private_network(failing)
    assert open_descriptors() == before
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not [pid for pid in children if "child_main" in Path(f"/proc/{pid}/cmdline").read_text()]


CALLER = """
import os, time
from sockets_lab.netns import in_private_network

def print_and_wait():
    print(os.getpid(), flush=True)
    time.sleep(60)

try:
    in_private_network(print_and_wait, deadline_s=60)
except KeyboardInterrupt:
    print("interrupted")
"""


def start_a_caller() -> tuple["subprocess.Popen[str]", int]:
    """Start a process that waits in in_private_network(); return it and the pid of its child."""
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"},
    )
    assert caller.stdout is not None
    return caller, int(caller.stdout.readline())


@needs_namespaces
def test_an_interrupt_ends_it_within_a_second() -> None:
    caller, child = start_a_caller()
    began = time.monotonic()
    caller.send_signal(signal.SIGINT)
    out, err = caller.communicate(timeout=5)
    assert (out, err) == ("interrupted\n", "")
    assert time.monotonic() - began < 1
    assert wait_until_dead(child)


@needs_namespaces
def test_dies_with_its_parent() -> None:
    caller, child = start_a_caller()
    caller.kill()
    caller.communicate(timeout=5)
    assert wait_until_dead(child)


# Machines without private networks


def test_explains_a_lack_of_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "namespaces")
    with pytest.raises(NoPrivateNetwork, match="SOCKETS_LAB_WITHOUT"):
        in_private_network(os.getpid)


@needs_namespaces
def test_explains_a_refusal_of_the_kernel() -> None:
    def nest() -> str:
        assert has("namespaces")  # found out and kept, before it changes
        Path("/proc/sys/user/max_net_namespaces").write_text("0")
        try:
            return f"made one: {in_private_network(os.getpid)}"
        except NoPrivateNetwork as error:
            return str(error)

    assert in_private_network(nest) == (
        "the kernel refused a private network (unshare: ENOSPC); "
        "run `sockets-lab doctor` to see what this machine can do"
    )
