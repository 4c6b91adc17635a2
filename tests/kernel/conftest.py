"""Fixtures for the tests of `kernel`."""

import socket
import sys
from contextlib import ExitStack

import pytest

from sockets_lab.capabilities import SWITCH
from tests.kernel.support import WAYS, listening


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    if sys.platform != "linux" and request.param != "psutil":
        pytest.skip("only Linux has this way")
    monkeypatch.setenv(SWITCH, WAYS[request.param])
    return request.param


@pytest.fixture
def kept():
    """Close what a test enters into it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def listener(kept, family):
    return kept.enter_context(listening(family))


@pytest.fixture
def sockets(family):
    """Open a listener with room for 3, two clients of it, and the connection of the first."""
    with (
        socket.create_server((family.host, 0), family=family.family, backlog=3) as listener,
        socket.create_connection(listener.getsockname()[:2], timeout=5) as client,
        socket.create_connection(listener.getsockname()[:2], timeout=5) as waiting,
    ):
        listener.settimeout(5)
        connection, _ = listener.accept()
        with connection:
            yield listener, client, connection, waiting
