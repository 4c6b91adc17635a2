"""Captures made here, held against the recorded ones and against the kernel, state by state."""

import ctypes
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from sockets_lab.capabilities import Unavailable, has
from sockets_lab.capture import Capture, capture, captured, mark, read, scenarios, sniffing, states
from sockets_lab.course_files import find_course_files
from tests.conftest import Family

CAPTURES = find_course_files().data / "captures"
SCENARIOS = list(scenarios.SCENARIOS)

needs_capture = pytest.mark.skipif(
    not has("raw-capture"), reason="this machine cannot capture packets in a private network"
)
needs_table = pytest.mark.skipif(
    not has("sock-diag"), reason="this machine does not show what is ending after close()"
)


def recording(name: str, family: Family) -> Capture:
    ip = "ipv6" if family.family == socket.AF_INET6 else "ipv4"
    return read(CAPTURES / f"{name}_{ip}.pcap")


@cache
def live(name: str, host: str) -> Capture:
    """Return one live run of a scenario, for all the tests."""
    return capture(scenarios.play, scenarios.SCENARIOS[name], host)


def ends(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the states of clients and connections that are not over."""
    parts = ("client", "connection")
    return {
        role: state for role, state in texts.items() if role.startswith(parts) and state != "CLOSED"
    }


def states_at_steps(seen: Capture) -> list[tuple[str, dict[str, str]]]:
    after = states(seen)
    return [(step.words, ends(after[step.segments - 1])) for step in seen.steps]


# The same scenario: live, recorded, and the kernel's states


@needs_capture
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_live_capture_says_what_the_kernel_says(name: str, family: Family) -> None:
    seen = live(name, family.host)
    kernel = [(step.words, ends(step.states)) for step in seen.result]
    assert states_at_steps(seen) == kernel
    assert len(kernel) >= 4


@needs_capture
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_live_capture_equals_the_recorded_one(name: str, family: Family) -> None:
    seen, kept = live(name, family.host), recording(name, family)
    assert str(seen) == str(kept)
    assert states(seen) == states(kept)
    assert [step[:2] for step in seen.steps] == [step[:2] for step in kept.steps]


@needs_table
@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded_states_equal_the_kernels(name: str, family: Family) -> None:
    """Without a capture, on any machine that shows its table: the states of a run outside."""
    played = scenarios.play(scenarios.SCENARIOS[name], family.host)
    kernel = [(step.words, ends(step.states)) for step in played]
    assert states_at_steps(recording(name, family)) == kernel


# What a capture catches


def echo(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(65_536):
            connection.sendall(data)


def chatter(host: str, rounds: int) -> int:
    """Send bytes there and back between threads; return how many went one way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as listener,
        ThreadPoolExecutor(1) as threads,
    ):
        server = threads.submit(echo, listener)
        with socket.create_connection(listener.getsockname()[:2], timeout=5) as client:
            for number in range(1, rounds + 1):
                client.sendall(b"x" * number)
                client.recv(number, socket.MSG_WAITALL)
        server.result()
    return sum(range(1, rounds + 1))


@needs_capture
def test_nothing_is_missed(family: Family) -> None:
    seen = capture(chatter, family.host, 300)
    for role in ("client 1", "connection 1"):
        own = [segment for segment in seen if segment.sender == role and not segment.again]
        numbers = [(segment.seq, segment.end) for segment in own]
        assert numbers[0] == (0, 1)
        assert all(later[0] == earlier[1] for earlier, later in pairwise(numbers))
        assert numbers[-1][1] == 1 + seen.result + 1  # SYN, the bytes, FIN
        assert b"".join(segment.payload for segment in own).count(b"x") == seen.result


@needs_capture
def test_each_packet_is_captured_once() -> None:
    assert [each.flags for each in live("reset", "127.0.0.1")].count("SYN") == 1


@needs_capture
def test_parallel_connections_are_separate() -> None:
    def clients() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for _ in range(20):
                with socket.create_connection(listener.getsockname()):
                    listener.accept()[0].close()

    seen = capture(clients)
    assert len(seen.roles) == 40
    assert seen.roles[-2:] == ("client 20", "connection 20")
    assert len(str(seen.of("client 7").without_bare_acks()).splitlines()) == 6


@needs_capture
def test_delayed_acks_make_no_difference(family: Family) -> None:
    def close_soon(host: str, pauses_s: list[float]) -> None:
        for pause_s in pauses_s:  # shorter and longer than an acknowledgement may wait
            with socket.create_server((host, 0), family=family.family) as listener:
                client = socket.create_connection(listener.getsockname()[:2])
                connection, _ = listener.accept()
                connection.sendall(b"x")
                client.recv(1)
                client.close()
                time.sleep(pause_s)
                connection.close()

    seen = capture(close_soon, family.host, [0, 0.06] * 3)
    texts = [str(seen.of(f"client {number}").without_bare_acks()) for number in range(1, 7)]
    alike = {re.sub(r"[0-9]+(?=:| ->)", "N", text) for text in texts}
    assert len(alike) == 1, "\n\n".join(sorted(alike))


@needs_capture
def test_a_file_of_it_is_the_capture_again(tmp_path: Path) -> None:
    seen = live("half_close", "127.0.0.1")
    seen.save(tmp_path / "own.pcap")
    again = read(tmp_path / "own.pcap")
    assert list(again) == list(seen)
    assert again.steps == seen.steps
    assert (again.result, len(seen.result)) == (None, len(seen.steps))


@needs_capture
def test_the_kernels_times_are_kept() -> None:
    seen = live("full_queue", "127.0.0.1").of("client 2")
    times = [segment.at_s for segment in seen]
    assert times == sorted(times)
    assert times[1] - times[0] > 0.9  # the SYN was sent again after a second


@needs_capture
def test_what_the_function_raises_is_raised() -> None:
    def fail() -> None:
        raise ConnectionRefusedError("no server")

    with pytest.raises(ConnectionRefusedError, match="no server"):
        capture(fail)


@needs_capture
def test_a_waiting_function_is_named() -> None:
    def wait_for_ever() -> None:
        threading.Event().wait()

    with pytest.raises(TimeoutError, match=r"wait_for_ever\(\) was still running"):
        capture(wait_for_ever, deadline_s=0.5)


FLOOD = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as itself:
    itself.bind(("127.0.0.1", 0))
    for _ in range(20_000):
        itself.sendto(bytes(1_000), itself.getsockname())
"""


@needs_capture
def test_lost_packets_are_an_error() -> None:
    def outpace() -> None:
        flood = subprocess.Popen([sys.executable, "-c", FLOOD])
        # PyDLL keeps the interpreter's lock, so that the thread that reads cannot.
        flood.returncode = ctypes.PyDLL(None).waitpid(flood.pid, None, 0) and 0

    with pytest.raises(RuntimeError, match="which came faster than they could be read"):
        capture(outpace)


@needs_capture
def test_more_than_can_be_kept_is_refused() -> None:
    def too_much() -> None:
        sniffing._MOST_BYTES = 2_000
        chatter("127.0.0.1", 50)

    with pytest.raises(RuntimeError, match="the capture has reached 2,000 bytes"):
        capture(too_much)


@pytest.mark.parametrize("off", ["raw-capture", "namespaces"])
def test_without_the_ability_it_says_why(off: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", off)
    with pytest.raises(Unavailable, match="cannot be seen here"):
        capture(os.getpid)


# Live or recorded


@needs_capture
def test_a_live_capture_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    seen = captured("half_close_ipv4", scenarios.play, scenarios.half_close)
    assert seen.result is not None
    assert str(seen) == str(read(CAPTURES / "half_close_ipv4.pcap"))
    assert capsys.readouterr() == ("", "")


def unused(*_: object) -> None:
    raise AssertionError("a recorded capture replaces this call")


def test_a_recorded_capture_is_announced(
    family: Family, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "raw-capture")
    ip = "ipv6" if family.family == socket.AF_INET6 else "ipv4"
    seen = captured(f"reset_{ip}", unused)
    assert list(seen) == list(recording("reset", family))
    assert seen.result is None
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("recorded 20")
    assert first.endswith("not measured here:")
    assert second.startswith("  ")
    assert "SOCKETS_LAB_WITHOUT" in second


def test_says_what_is_recorded_when_a_name_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "raw-capture")
    with pytest.raises(FileNotFoundError, match=r"no such recording; there is .*half_close_ipv4"):
        captured("half_close_ip4", unused)


# The scenarios, and marks


def test_an_abandoned_scenario_is_closed(family: Family) -> None:
    steps = scenarios.half_close(family.host)
    _, sockets = next(steps)
    steps.close()
    assert [sock.fileno() for sock in sockets] == [-1] * len(sockets)


@needs_capture
def test_marks_become_steps(family: Family) -> None:
    def say_twice() -> None:
        mark("first", family.host)
        mark("then ☎", family.host)

    seen = capture(say_twice)
    assert [step.words for step in seen.steps] == ["first", "then ☎"]
    assert str(seen) == "no segments"


def test_a_mark_without_a_capture_does_no_harm(family: Family) -> None:
    assert mark("no capture", family.host) is None
