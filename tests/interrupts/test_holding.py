"""Interrupts wait for the end of the block."""

import signal
import threading

import pytest

from sockets_lab.interrupts import InterruptGuard, hold_interrupts, uninterruptible


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_an_interrupt_comes_at_the_end() -> None:
    seen = []

    def hold() -> None:
        with hold_interrupts() as interrupted:
            seen.append(interrupted())
            press()
            seen.append(interrupted())

    with pytest.raises(KeyboardInterrupt):
        hold()
    assert seen == [False, True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_does_not_hide_the_interrupt() -> None:
    def fail() -> None:
        with hold_interrupts():
            press()
            raise LookupError

    with pytest.raises(KeyboardInterrupt) as caught:
        fail()
    assert isinstance(caught.value.__context__, LookupError)


def test_blocks_may_be_nested() -> None:
    seen = []

    def nest() -> None:
        with hold_interrupts() as outer:
            with hold_interrupts() as inner:
                press()
                seen.extend([inner(), outer()])
            seen.append(outer())

    with pytest.raises(KeyboardInterrupt):
        nest()
    assert seen == [True, False, True]


def test_nothing_is_held_in_other_threads() -> None:
    seen = []

    def work() -> None:
        with hold_interrupts() as interrupted:
            seen.extend([signal.getsignal(signal.SIGINT), interrupted()])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler, False]


def test_ignored_interrupts_stay_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with hold_interrupts() as interrupted:
            press()
            assert not interrupted()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_marked_function_ends_before_the_interrupt() -> None:
    guard = InterruptGuard()
    done = []

    @uninterruptible
    def leave() -> None:
        press()
        with hold_interrupts() as interrupted:
            done.append(interrupted())  # pending in the guard
        with hold_interrupts():
            press()
        done.append("end of the cleanup")
        guard.release()

    guard.hold()
    with pytest.raises(KeyboardInterrupt):
        leave()
    assert done == [True, "end of the cleanup"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
