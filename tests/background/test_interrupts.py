"""Ctrl-C gives the prompt back, and leaves nothing behind."""

import os
import random
import signal
from time import monotonic

import pytest

from sockets_lab import background
from sockets_lab.background import (
    Background,
    StillRunning,
)
from tests.background.support import connect, echo, wait_for_lost_runs
from tests.support.interrupting import (
    interrupted_after,
    interrupted_at_instruction,
    interrupted_on_entry,
    interrupted_once_waiting,
)

OUR_FILES = {"sockets_lab.background", "sockets_lab.interrupts.guard"}
on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such timer")


@on_posix
def test_an_interrupted_block_stops_the_server(listener):
    def wait_for_a_byte():
        client.recv(1)

    with (
        connect(listener) as client,
        pytest.raises(KeyboardInterrupt),
        interrupted_once_waiting(wait_for_a_byte),
        background.run(echo, listener),
    ):
        wait_for_a_byte()


@on_posix
def test_an_interrupt_before_ready_stops_it(listener):
    def never(listener, ready):
        listener.accept()

    with (
        pytest.raises(KeyboardInterrupt),
        interrupted_once_waiting(Background.__enter__),
        background.run(never, listener, deadline_s=60),
    ):
        pytest.fail("the block was entered")


@on_posix
def test_an_interrupted_stop_hurries(gate):
    began = monotonic()
    server = background.run(lambda: gate.wait(), deadline_s=60)
    with pytest.raises(KeyboardInterrupt), interrupted_once_waiting(Background.stop):
        server.stop()
    assert monotonic() - began < 5


def test_an_interrupt_notes_what_still_runs(gate):
    began = monotonic()
    with (
        pytest.raises(KeyboardInterrupt) as caught,
        background.run(lambda: gate.wait(), deadline_s=60),
    ):
        raise KeyboardInterrupt
    assert monotonic() - began < 5
    assert "server did not return within 0.6 s after `stop` was set" in caught.value.__notes__[0]


@on_posix
def test_interrupts_at_any_moment_leave_nothing(listener):
    def be_interrupted_in(delay_s):
        with (
            connect(listener) as client,
            interrupted_after(delay_s),
            background.run(echo, listener),
        ):
            while True:
                client.sendall(b"hello")
                client.recv(100)

    dice = random.Random(2)
    for _ in range(200):
        with pytest.raises(KeyboardInterrupt):
            be_interrupted_in(dice.uniform(1e-5, 0.02))
        wait_for_lost_runs()


@on_posix
def test_interrupts_while_it_stops_leave_nothing(listener):
    dice = random.Random(3)
    for _ in range(200):
        server = background.run(echo, listener)
        with pytest.raises(KeyboardInterrupt), interrupted_after(dice.uniform(1e-5, 0.002)):
            stop_and_wait(server)
        server.stop()


def stop_and_wait(server):
    server.stop()
    while True:
        pass


def test_an_interrupt_at_entry_of_exit_stops_it(listener):
    with (
        pytest.raises(KeyboardInterrupt),
        interrupted_on_entry(Background.__exit__),
        background.run(echo, listener) as server,
    ):
        pass
    assert not server.running


def test_an_interrupt_at_entry_of_exit_hurries(gate):
    began = monotonic()
    with (
        pytest.raises(KeyboardInterrupt) as caught,
        interrupted_on_entry(Background.__exit__),
        background.run(gate.wait, deadline_s=60),
    ):
        pass
    assert monotonic() - began < 5
    assert isinstance(caught.value.__context__, StillRunning)


def test_an_interrupt_anywhere_leaves_nothing(listener):
    def session():
        with background.run(echo, listener):
            pass

    number = 0
    # run() comes before the block. _abandon() is a finalizer: Python drops every exception there.
    while interrupted_at_instruction(number, session, OUR_FILES, ("run", "__init__", "_abandon")):
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        wait_for_lost_runs()  # before the guard is held, at the entry of __enter__
        number += 1
    assert number > 200
