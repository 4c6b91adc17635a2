"""The machinery of the checks: no answer can hang it, and what it says is the same every time."""

import errno
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from sockets_lab import exercises
from sockets_lab.addresses import endpoint_of
from sockets_lab.capabilities import capability
from sockets_lab.exercises.harness import runner, sandbox
from sockets_lab.exercises.harness.report import REPORT_JSON, Incomplete, Report, Result
from sockets_lab.exercises.harness.runner import (
    Behaviour,
    Failed,
    NotAvailable,
    NotStarted,
    Sandbox,
    behaviour,
)
from sockets_lab.exercises.harness.snapshots import LiveSocket, live_sockets, snapshot_words
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


@behaviour("gives back seven", expected="7", hint="count again")
def seven(bench: Sandbox) -> None:
    trial = bench.start()
    value = trial.result()
    if trial.gave_nothing:
        raise NotStarted
    if value != 7:
        raise Failed(f"gave back {value!r}")


def tried(answer: Callable[..., object], *behaviours: Behaviour, over_ipv6: str = "") -> Report:
    each = behaviours or (seven,)
    return runner.run("seven", each, answer, deadline_s=SHORT_S, over_ipv6=over_ipv6)


def observed(answer: Callable[..., object]) -> str:
    (outcome,) = tried(answer).outcomes
    assert outcome.passed is False
    return outcome.observed


def raising(error: BaseException) -> Callable[[], object]:
    def answer() -> object:
        raise error

    return answer


def hanging_server(listener: socket.socket) -> None:
    while True:
        listener.accept()


# What an answer may do


def test_shown_behaviour_passes() -> None:
    report = tried(lambda: 7)

    assert report.passed
    assert report.score == (1, 1)
    report.require()


def test_wrong_result_is_observed_with_its_hint() -> None:
    assert tried(lambda: 8).outcomes == (
        Result("gives back seven", False, "7", "gave back 8", "count again"),
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("seven is odd"), "raised ValueError: seven is odd"),
        (ValueError(), "raised ValueError"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "raised ConnectionResetError (ECONNRESET)"),
        (TimeoutError("timed out"), "raised TimeoutError: timed out"),
        (SystemExit(3), "raised SystemExit: 3"),
        (KeyboardInterrupt(), "raised KeyboardInterrupt"),
    ],
)
def test_exception_of_the_answer_is_observed(error: BaseException, words: str) -> None:
    assert observed(raising(error)) == words


def test_wrong_number_of_arguments_is_observed() -> None:
    def answer(number: int) -> int:
        return number

    assert "missing 1 required positional argument: 'number'" in observed(answer)


def test_coroutine_is_told_from_a_function() -> None:
    async def answer() -> int:
        return 7

    assert observed(answer) == "gave back a coroutine"


def test_endless_loop_is_stopped_and_shown() -> None:
    def answer() -> None:
        while True:
            pass

    assert "comes to no end: it stands in" in observed(answer)


@pytest.mark.ipv4
def test_waiting_thread_is_stopped_and_shown(family: Family) -> None:
    @behaviour("accepts", expected="an end", hint="stop waiting")
    def accepts(bench: Sandbox) -> None:
        bench.call(bench.listener())

    (outcome,) = tried(hanging_server, accepts).outcomes

    assert "hanging_server(), line" in outcome.observed
    assert "`listener.accept()`" in outcome.observed
    assert outcome.hint == (
        "something is waited for that does not come, or a loop does not stop; stop waiting"
    )


def test_answer_that_cannot_be_stopped_does_not_hang_the_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox, "_STOP_S", SHORT_S)
    release = threading.Event()
    waiting: list[threading.Thread] = []

    def answer() -> None:
        waiting.append(threading.current_thread())
        release.wait(20)

    words = observed(answer)
    waits_on = waiting[0].is_alive()
    release.set()
    for thread in waiting:
        thread.join()

    assert "`release.wait(20)`" in words
    assert waits_on


def test_after_two_hangs_the_rest_is_left_for_later() -> None:
    release = threading.Event()
    calls: list[int] = []

    def answer() -> None:
        calls.append(1)
        while not release.wait(0.01):
            pass

    report = tried(answer, seven, seven, seven, seven, over_ipv6="")
    release.set()

    assert [outcome.passed for outcome in report.outcomes] == [False, False, None, None]
    assert report.outcomes[2].observed == "earlier behaviours came to no end: mend those first"
    assert len(calls) == 2


def test_exception_of_a_thread_of_the_answer_is_observed() -> None:
    def answer() -> int:
        threading.Thread(target=raising(ValueError("in a thread"))).start()
        return 7

    assert observed(answer) == "afterwards: ValueError: in a thread"


@pytest.mark.parametrize("answer", [7, None, "serve_once"])
def test_refuses_what_is_no_function(answer: object) -> None:
    for check in CHECKS.values():
        with pytest.raises(TypeError, match=r"give the (function|class) itself"):
            check(answer)  # type: ignore[operator]  # wrong on purpose


# Starters


def empty(*_: object) -> object:
    return ...


def nothing(*_: object) -> None:
    return None


def unfinished(*_: object) -> None:
    raise NotImplementedError


@pytest.mark.parametrize("starter", [empty, nothing, unfinished])
@pytest.mark.parametrize("name", CHECKS)
def test_starter_is_told_what_will_be_tried(
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
    assert lines[2:] == [f"· {outcome.name}" for outcome in report.outcomes]
    assert not report.passed
    assert "Traceback" not in report._repr_html_()


def test_unfinished_branch_is_an_observation() -> None:
    answers = iter([7, None])

    report = tried(lambda: next(answers), seven, seven._replace(name="does so again"))

    assert [outcome.passed for outcome in report.outcomes] == [True, False]
    assert "no result" in report.outcomes[1].observed


# What a machine may lack


def test_without_ipv6_it_is_listed_as_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "ipv6")

    report = tried(lambda: 7, over_ipv6="mind the family")

    assert report.passed
    assert str(report) == (
        "seven: 1 of 1 behaviours ok, 1 not tried\n"
        "\n"
        "✓ ok         gives back seven\n"
        "· not tried  does the same over IPv6\n"
        "             reason: switched off by SOCKETS_LAB_WITHOUT"
    )


def test_without_tcp_info_queue_depth_cannot_be_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "tcp-info")

    report = exercises.check_queue_depth(lambda listener: (0, 0))

    assert not report.passed
    assert report.note == "cannot be tried on this machine"
    assert "switched off by SOCKETS_LAB_WITHOUT" in str(report)


def test_scene_that_cannot_be_set_is_not_tried() -> None:
    @behaviour("flies", expected="wings", hint="jump")
    def flies(bench: Sandbox) -> None:
        raise NotAvailable("no air")

    report = tried(lambda: 7, seven, flies)

    assert report.passed
    assert report.outcomes[1] == Result("flies", None, "wings", "no air")


def test_ipv6_is_tried_when_all_is_shown_over_ipv4() -> None:
    families: list[int] = []

    @behaviour("has a family", expected="a family", hint="none")
    def has_family(bench: Sandbox) -> None:
        families.append(bench.family)

    good = tried(lambda: 7, has_family, over_ipv6="mind the family")
    bad = tried(lambda: 8, has_family, seven, over_ipv6="mind the family")

    assert bad.outcomes[-1].passed is None
    why = capability("ipv6").lacking or "it is tried when everything is shown over IPv4"
    assert bad.outcomes[-1].observed == why
    if good.outcomes[-1].passed:
        assert families == [socket.AF_INET, socket.AF_INET6, socket.AF_INET]


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


# What is left afterwards


@pytest.mark.skipif(not hasattr(signal, "SIGURG"), reason="no SIGURG here")
def test_signal_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGURG)

    exercises.check_serve_once(lambda listener: listener.accept()[0].recv(10))

    assert signal.getsignal(signal.SIGURG) is before


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts by signal")
def test_interrupt_ends_a_check_at_once() -> None:
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


# The report


REPORT = Report(
    "serve_once",
    (
        Result("answers", True, "an answer"),
        Result("ends", False, "an end", "no <end>", "close it"),
        Result("flies", None, "wings", "no air"),
    ),
)


def test_report_is_words() -> None:
    assert str(REPORT) == (
        "serve_once: 1 of 2 behaviours ok, 1 not tried\n"
        "\n"
        "✓ ok         answers\n"
        "✗ not yet    ends\n"
        "             expected: an end\n"
        "             observed: no <end>\n"
        "             hint: close it\n"
        "· not tried  flies\n"
        "             reason: no air"
    )


def test_report_is_an_accessible_table() -> None:
    html = REPORT._repr_html_()

    assert "no &lt;end&gt;" in html
    assert html.count('scope="col"') == 2
    assert html.count('scope="row"') == 3
    assert "<caption" in html
    for word in ("ok", "not yet", "not tried"):
        assert f"</span> {word}</th>" in html


def test_report_is_there_for_machines() -> None:
    bundle = REPORT._repr_mimebundle_()

    assert set(bundle) == {"text/plain", "text/html", REPORT_JSON}
    assert bundle[REPORT_JSON]["title"] == "serve_once"
    assert (bundle[REPORT_JSON]["shown"], bundle[REPORT_JSON]["tried"]) == (1, 2)
    assert bundle[REPORT_JSON]["outcomes"][1]["hint"] == "close it"


def test_require_raises_the_report() -> None:
    with pytest.raises(Incomplete, match="no <end>"):
        REPORT.require()


def test_report_of_nothing_does_not_pass() -> None:
    assert not Report("seven", ()).passed


@pytest.mark.parametrize("name", ["classify", "serve_once", "queue_depth"])
def test_a_wrong_answer_is_told_the_same_twice(name: str) -> None:
    def answer(given: object) -> list[str]:
        return ["client"]

    assert str(CHECKS[name](answer)) == str(CHECKS[name](answer))


# Snapshots and the queue


def test_live_sockets_tell_endpoints_and_no_parts(family: Family) -> None:
    with (
        socket.create_server((family.host, 0), family=family.family) as listener,
        socket.socket(family.family, socket.SOCK_DGRAM) as datagrams,
        socket.create_connection(listener.getsockname()[:2]) as client,
    ):
        datagrams.bind((family.host, 0))
        connection, _ = listener.accept()
        with connection:
            rows = live_sockets(listener, client, connection, datagrams)

    home, away = rows[0].local, rows[1].local
    assert rows[0] == LiveSocket("tcp", "LISTEN", home, None)
    assert rows[1] == LiveSocket("tcp", "ESTABLISHED", away, home)
    assert rows[2] == LiveSocket("tcp", "ESTABLISHED", home, away)
    assert (rows[3].protocol, rows[3].peer) == ("udp", None)
    assert home.host == family.host


def test_closed_socket_has_no_row() -> None:
    sock = socket.socket()
    sock.close()

    with pytest.raises(OSError, match=r"\[Errno"):
        live_sockets(sock)


def test_snapshot_has_letters_for_ports() -> None:
    here, there = endpoint_of(("127.0.0.1", 40_000)), endpoint_of(("::1", 50_000, 0, 0))
    rows = [
        LiveSocket("tcp", "LISTEN", here, None),
        LiveSocket("tcp", "ESTABLISHED", here, there),
        LiveSocket("udp", "bound", there, None),
    ]

    assert snapshot_words(rows).splitlines() == [
        "tcp  LISTEN      127.0.0.1:A     -",
        "tcp  ESTABLISHED 127.0.0.1:A     [::1]:B",
        "udp  bound       [::1]:B         -",
    ]


def test_counts_completed_connects(family: Family) -> None:
    counts = exercises.count_completed((0, 1, 3, 8), family.family)

    assert counts == sorted(counts)
    if sys.platform == "linux":
        assert counts == [1, 2, 4, 9]


def test_every_name_of_the_room_can_be_imported() -> None:
    assert all(hasattr(exercises, name) for name in exercises.__all__)
    assert dir(exercises) == exercises.__all__
    with pytest.raises(AttributeError, match="check_nothing"):
        _ = exercises.check_nothing
