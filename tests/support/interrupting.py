"""Ctrl-C, pressed by the test itself."""

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

__all__ = ["interrupted_after", "no_group_is_found"]


@contextmanager
def interrupted_after(delay_s: float) -> Iterator[None]:
    """Press Ctrl-C after `delay_s` seconds; not on Windows, which has no such timer."""

    def press(signum: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGALRM, press)
    gc.disable()  # Python ignores an interrupt that strikes in a callback of the collector
    try:
        # Again and again until the main thread takes note: it may be on its way into a call.
        signal.setitimer(signal.ITIMER_REAL, delay_s, 0.02)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()


def no_group_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let killpg() fail as for a child that died between fork() and setsid()."""

    def killpg(*_: object) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(os, "killpg", killpg)
