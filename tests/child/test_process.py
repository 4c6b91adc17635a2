"""Child processes: what they return and raise, what becomes of their text, and how they end."""

import os
import signal
import sys
import time
from threading import Event, Lock

import pytest

from sockets_lab.child import ChildProcess, Parent, Reply, call_in_child, pack
from tests.support.interrupting import interrupted_after, no_group_is_found

posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX processes only")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs a pidfd")


class Stubborn(Exception):
    """An exception that can be pickled and not unpickled."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("needs two numbers")


# Functions for the child


def add(parent: Parent, one: int, two: int) -> int:
    return one + two


def fail(parent: Parent) -> None:
    _divide(0)


def _divide(by: int) -> float:
    return 1 / by


def be_stubborn(parent: Parent) -> None:
    raise Stubborn(1, 2)


def return_lock(parent: Parent) -> object:
    return Lock()


def read_input(parent: Parent) -> str:
    return sys.stdin.read()


def speak(parent: Parent) -> None:
    print("to stdout")
    print("to stderr", file=sys.stderr)


def exit_after_text(parent: Parent) -> None:
    print("last words")
    os._exit(3)


def exit_and_leave_a_fork(parent: Parent) -> None:
    if os.fork() == 0:
        Event().wait()  # with the pipe for replies, until its group is killed
    os._exit(3)


def wait_for_ever(parent: Parent) -> None:
    Event().wait()


def reply_when_gone(parent: Parent) -> None:
    parent.when_gone(lambda: (parent.send(Reply("gone")), os._exit(0)))
    parent.send(Reply("ready"))
    Event().wait()


# Results and errors


@pytest.mark.parametrize("forward", [False, pytest.param(True, marks=posix_only)])
def test_returns_the_result(forward: bool) -> None:
    assert call_in_child(add, 2, 3, deadline_s=10, forward=forward) == 5


def test_notes_where_an_error_was_raised() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        call_in_child(fail, deadline_s=10, place="over there")
    first, *lines = caught.value.__notes__[0].splitlines()
    assert first == "over there, most recent call last:"
    assert [line.partition(", in ")[2] for line in lines] == ["_divide: return 1 / by"]


def test_replaces_an_error_that_is_not_unpickled() -> None:
    with pytest.raises(RuntimeError, match="Stubborn: needs two numbers"):
        call_in_child(be_stubborn, deadline_s=10)


def test_explains_a_result_that_is_not_pickled() -> None:
    with pytest.raises(TypeError, match=r"cannot send the result back: .*return plain values"):
        call_in_child(return_lock, deadline_s=10)


def test_explains_an_argument_that_is_not_pickled() -> None:
    with pytest.raises(TypeError, match=r"^cannot send it: .*inside the function"):
        pack(Lock(), "cannot send it")


def test_standard_input_is_empty() -> None:
    assert call_in_child(read_input, deadline_s=10) == ""


# Text


@posix_only
def test_forwards_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    call_in_child(speak, deadline_s=10, forward=True)
    assert capsys.readouterr() == ("to stdout\n", "to stderr\n")


def test_keeps_what_is_printed() -> None:
    child = ChildProcess("speak()")
    try:
        child.send(speak)
        assert child.receive(10) == Reply()
    finally:
        text = child.end()
    assert text.splitlines() == ["to stdout", "to stderr"]


# Ends


def test_an_early_end_is_an_error_with_its_text() -> None:
    with pytest.raises(RuntimeError, match=r"exit status 3\): there is no result") as caught:
        call_in_child(exit_after_text, deadline_s=10)
    assert caught.value.__notes__ == ["in a child process was printed:\nlast words"]


@linux_only
def test_an_early_end_shows_beside_a_fork() -> None:
    """The fork holds the pipe for replies open; the parent must not wait for that."""
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="exit status 3"):
        call_in_child(exit_and_leave_a_fork, deadline_s=10)
    assert time.monotonic() - began < 5


@posix_only
def test_ends_at_the_deadline() -> None:
    with pytest.raises(TimeoutError, match=r"wait_for_ever\(\) was still running in a child proc"):
        call_in_child(wait_for_ever, deadline_s=0.3)


@posix_only
def test_an_interrupt_ends_it() -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), interrupted_after(0.1):
        call_in_child(wait_for_ever, deadline_s=10)
    assert time.monotonic() - began < 1.1


@posix_only
@pytest.mark.parametrize("forward", [False, True])
def test_an_interrupt_before_it_has_a_group(monkeypatch: pytest.MonkeyPatch, forward: bool) -> None:
    child = ChildProcess("nothing", forward=forward)
    child.process.kill()  # as Ctrl-C does that strikes between fork() and setsid()
    no_group_is_found(monkeypatch)
    assert child.end() == ""
    assert child.process.returncode == -signal.SIGKILL


def test_cutting_the_lifeline_notifies_the_child() -> None:
    child = ChildProcess("reply_when_gone()")
    try:
        child.send(reply_when_gone)
        assert child.receive(10).open() == "ready"
        child.cut_lifeline()
        assert child.receive(10).open() == "gone"
    finally:
        child.end()
