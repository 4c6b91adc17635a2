"""No answer can hang a check, and what an answer does becomes an observation."""

import errno
import socket
import threading
from collections.abc import Callable

import pytest

from sockets_lab.capabilities import Unavailable, capability
from sockets_lab.exercises.harness import runner, sandbox
from sockets_lab.exercises.harness.runner import (
    Behaviour,
    Behaviours,
    Failed,
    NotStarted,
    Report,
    Result,
    Sandbox,
)
from tests.conftest import Family

SHORT_S = 0.3

behaviour = Behaviours("seven")


@behaviour("returns seven", expected="7", hint="count again")
def seven(sandbox: Sandbox) -> None:
    trial = sandbox.start()
    value = trial.result()
    if trial.gave_nothing:
        raise NotStarted
    if value != 7:
        raise Failed(f"returned {value!r}")


def tried(answer: Callable[..., object], *behaviours: Behaviour, over_ipv6: str = "") -> Report:
    each = behaviours or (seven,)
    return runner.run("seven", each, answer, deadline_s=SHORT_S, over_ipv6=over_ipv6)


def observed(answer: Callable[..., object]) -> str:
    (result,) = tried(answer).results
    assert result.passed is False
    return result.observed


def raising(error: BaseException) -> Callable[[], object]:
    def answer() -> object:
        raise error

    return answer


def hanging_server(listener: socket.socket) -> None:
    while True:
        listener.accept()


def test_shown_behaviour_passes() -> None:
    report = tried(lambda: 7)

    assert report.passed
    assert report.score == (1, 1)
    report.require()


def test_wrong_result_is_observed_with_its_hint() -> None:
    assert tried(lambda: 8).results == (
        Result("returns seven", False, "7", "returned 8", "count again"),
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


def test_coroutine_is_observed() -> None:
    async def answer() -> int:
        return 7

    assert observed(answer) == "returned a coroutine"


def test_endless_loop_is_stopped_and_located() -> None:
    def answer() -> None:
        while True:
            pass

    assert "did not return: blocked in" in observed(answer)


@pytest.mark.ipv4
def test_waiting_thread_is_stopped_and_located(family: Family) -> None:
    @behaviour("accepts", expected="an end", hint="stop waiting")
    def accepts(sandbox: Sandbox) -> None:
        sandbox.call(sandbox.listener())

    (result,) = tried(hanging_server, accepts).results

    assert "hanging_server(), line" in result.observed
    assert "`listener.accept()`" in result.observed
    assert result.hint == (
        "a call waits for something that does not come, or a loop does not stop; stop waiting"
    )


def test_unstoppable_answer_does_not_hang_the_check(
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


def test_rest_is_skipped_after_two_timeouts() -> None:
    release = threading.Event()
    calls: list[int] = []

    def answer() -> None:
        calls.append(1)
        while not release.wait(0.01):
            pass

    report = tried(answer, seven, seven, seven, seven, over_ipv6="")
    release.set()

    assert [result.passed for result in report.results] == [False, False, None, None]
    assert report.results[2].observed == "skipped: earlier checks timed out; fix those first"
    assert len(calls) == 2


def test_exception_of_a_thread_is_observed() -> None:
    def answer() -> int:
        threading.Thread(target=raising(ValueError("in a thread"))).start()
        return 7

    assert observed(answer) == "afterwards: ValueError: in a thread"


def test_unfinished_branch_is_an_observation() -> None:
    answers = iter([7, None])

    report = tried(lambda: next(answers), seven, seven._replace(name="does so again"))

    assert [result.passed for result in report.results] == [True, False]
    assert "no result" in report.results[1].observed


def test_ipv6_is_not_tried_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "ipv6")

    report = tried(lambda: 7, over_ipv6="mind the family")

    assert report.passed
    assert str(report) == (
        "seven: 1 of 1 behaviours ok, 1 not tried\n"
        "\n"
        "✓ ok         returns seven\n"
        "· not tried  does the same over IPv6\n"
        "             reason: switched off by SOCKETS_LAB_WITHOUT"
    )


def test_unavailable_behaviour_is_not_tried() -> None:
    @behaviour("flies", expected="wings", hint="jump")
    def flies(sandbox: Sandbox) -> None:
        raise Unavailable("no air")

    report = tried(lambda: 7, seven, flies)

    assert report.passed
    assert report.results[1] == Result("flies", None, "wings", "no air")


def test_ipv6_follows_full_success_over_ipv4() -> None:
    families: list[int] = []

    @behaviour("has a family", expected="a family", hint="none")
    def has_family(sandbox: Sandbox) -> None:
        families.append(sandbox.family)

    good = tried(lambda: 7, has_family, over_ipv6="mind the family")
    bad = tried(lambda: 8, has_family, seven, over_ipv6="mind the family")

    assert bad.results[-1].passed is None
    why = capability("ipv6").lacking or "skipped: it is tried when everything works over IPv4"
    assert bad.results[-1].observed == why
    if good.results[-1].passed:
        assert families == [socket.AF_INET, socket.AF_INET6, socket.AF_INET]
