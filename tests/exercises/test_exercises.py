"""Every check, whatever it is given: starters, wrong answers, interrupts, other threads."""

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from sockets_lab import exercises
from tests.conftest import Family

CHECKS = {
    "classify": exercises.check_classify,
    "serve_once": exercises.check_serve_once,
    "queue_depth": exercises.check_queue_depth,
    "completed": exercises.check_completed,
    "Decoder": exercises.check_decoder,
    "finish": exercises.check_finish,
    "recv_exactly": exercises.check_recv_exactly,
    "serve_chat": exercises.check_serve_chat,
    "serve_echo": exercises.check_serve_echo,
    "serve_pooled": exercises.check_serve_pooled,
}
SHORT_S = 0.3
PROMPT_S = 1.0


def hanging_server(listener: socket.socket) -> None:
    while True:
        listener.accept()


def empty(*_: object) -> object:
    return ...


def nothing(*_: object) -> None:
    return None


def unfinished(*_: object) -> None:
    raise NotImplementedError


def test_every_public_name_can_be_imported() -> None:
    assert all(hasattr(exercises, name) for name in exercises.__all__)
    assert dir(exercises) == exercises.__all__
    with pytest.raises(AttributeError, match="check_nothing"):
        _ = exercises.check_nothing


@pytest.mark.parametrize("answer", [7, None, "serve_once"])
def test_refuses_what_is_not_a_function(answer: object) -> None:
    for check in CHECKS.values():
        with pytest.raises(TypeError, match=r"give the (function|class) itself"):
            check(answer)  # type: ignore[operator]  # wrong on purpose


@pytest.mark.parametrize("starter", [empty, nothing, unfinished])
@pytest.mark.parametrize("name", CHECKS)
def test_starter_lists_what_will_be_tried(
    name: str, starter: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = CHECKS[name](starter)
    if not report.note.startswith("not started"):
        assert name == "queue_depth"  # cannot be tried here at all
        return
    lines = str(report).splitlines()

    assert lines[0] == (
        f"{name}: not started yet: write the function's body, and return what it is asked for"
    )
    assert lines[2:] == [f"· {result.name}" for result in report.results]
    assert not report.passed
    assert "Traceback" not in report._repr_html_()


@pytest.mark.parametrize("name", ["classify", "serve_once", "queue_depth"])
def test_report_of_a_wrong_answer_is_reproducible(name: str) -> None:
    def answer(given: object) -> list[str]:
        return ["client"]

    assert str(CHECKS[name](answer)) == str(CHECKS[name](answer))


def test_queue_depth_needs_tcp_info(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "tcp-info")

    report = exercises.check_queue_depth(lambda listener: (0, 0))

    assert not report.passed
    assert report.note == "cannot be tried on this machine"
    assert "switched off by SOCKETS_LAB_WITHOUT" in str(report)


def test_checks_work_outside_the_main_thread() -> None:
    def serve_once(listener: socket.socket) -> bytes:
        with listener:
            connection, _ = listener.accept()
            with connection:
                received = b"".join(iter(lambda: connection.recv(4096), b""))
                connection.sendall(received.upper())
                return received

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(exercises.check_serve_once, serve_once).result().passed


@pytest.mark.skipif(not hasattr(signal, "SIGURG"), reason="no SIGURG here")
def test_signal_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGURG)

    exercises.check_serve_once(lambda listener: listener.accept()[0].recv(10))

    assert signal.getsignal(signal.SIGURG) is before


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts by signal")
def test_interrupt_ends_a_check_promptly() -> None:
    main = threading.main_thread().ident
    assert main is not None
    begun: list[float] = []

    def interrupt() -> None:
        begun.append(time.monotonic())
        signal.pthread_kill(main, signal.SIGINT)

    timer = threading.Timer(SHORT_S, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        exercises.check_serve_once(hanging_server)
    timer.join()

    assert time.monotonic() - begun[0] < PROMPT_S


def test_counts_completed_connects(family: Family) -> None:
    counts = exercises.count_completed((0, 1, 3, 8), family.family)

    assert counts == sorted(counts)
    if sys.platform == "linux":
        assert counts == [1, 2, 4, 9]
