"""SystemExit in the threads of a run: it ends their work, and nothing that is not its business."""

import sys
import threading

import pytest

from sockets_lab.background.threads import Threads

RUNS = 100


@pytest.fixture(autouse=True)
def quick_switches():
    """Let Python switch between threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_exit_spares_threads_that_are_starting():
    """An exit in a thread before its first line would let Thread.start() wait for ever."""
    for _ in range(RUNS):
        errors, begun, stop = [], threading.Event(), threading.Event()
        threads = Threads(errors.append)

        def start_threads(begun=begun, stop=stop):
            while not stop.is_set():
                threading.Thread(target=begun.set, daemon=True).start()

        try:
            first = threads.start(start_threads, "starter")
            assert begun.wait(10)
            threads.raise_exit()
            assert first.ended.wait(10)
            stop.set()
            assert threads.wait(10)
        finally:
            stop.set()
            threads.close()


def test_a_late_exit_does_not_hide_the_end():
    """Exits are raised again and again while the work of short threads ends."""
    threads = Threads([].append)
    for _ in range(RUNS):
        member = threads.start(lambda: None, "short")
        while not member.ended.is_set() and member.thread.is_alive():
            threads.raise_exit()
        member.thread.join(10)
        assert member.ended.is_set()
    threads.close()
