"""Fixtures of the tests of background."""

import threading

import pytest

from sockets_lab import open_listener

PLAIN_START = threading.Thread.start


@pytest.fixture(autouse=True)
def start_is_restored():
    yield
    assert threading.Thread.start is PLAIN_START


@pytest.fixture
def listener(family):
    with open_listener(family.host) as listener:
        yield listener


@pytest.fixture
def gate():
    """Yield an event that a function may wait on for ever; it is set at the end of the test."""
    gate = threading.Event()
    before = set(threading.enumerate())
    yield gate
    gate.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
