"""What every test may lean on: both address families, and a guard that nothing is left behind."""

import os
import socket
import threading
from collections.abc import Iterator
from typing import NamedTuple

import psutil
import pytest

import sockets_lab


class Family(NamedTuple):
    """An address family with the host that reaches this machine over it."""

    family: socket.AddressFamily
    host: str


FAMILIES = {
    "IPv4": Family(socket.AF_INET, "127.0.0.1"),
    "IPv6": Family(socket.AF_INET6, "::1"),
}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    """Run the test over IPv4 and over IPv6."""
    if request.param == "IPv6" and not sockets_lab.ipv6_works():
        pytest.skip("this machine cannot bind an IPv6 address")
    return FAMILIES[request.param]


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread, a child process or an open socket."""
    before = _running()
    yield
    left = _running() - before
    if left:
        pytest.fail(f"left behind: {', '.join(sorted(map(str, left)))}")


def _running() -> set[object]:
    return {
        *(thread for thread in threading.enumerate() if thread.is_alive()),
        *psutil.Process().children(recursive=True),
        *_sockets(),
    }


def _sockets() -> set[str]:
    """Name the sockets this process holds open; nothing is named where /proc is missing."""
    folder = "/proc/self/fd"
    if not os.path.isdir(folder):
        return set()
    links = (os.path.join(folder, name) for name in os.listdir(folder))
    return {target for target in map(_target, links) if target.startswith("socket:")}


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except FileNotFoundError:  # the descriptor of the listing itself
        return ""
