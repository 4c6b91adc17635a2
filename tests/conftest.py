"""Fixtures of every test: both address families, and a check that nothing is left behind."""

import os
import socket
import threading
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

import sockets_lab

# Chapter 08 holds fewer connections where this is set, and the kernels of notebooks inherit it.
os.environ.setdefault("CI", "true")


class Family(NamedTuple):
    """An address family with the host that reaches this machine over it."""

    family: socket.AddressFamily
    host: str


def _binds(host: str) -> bool:
    try:
        with socket.socket() as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


IPV4_WORKS = _binds("127.0.0.1")
NEEDS_IPV4 = "over IPv4, and this machine cannot bind 127.0.0.1"
# Files whose tests open no socket, or one of each family that there is.
WITHOUT_IPV4 = (
    *("addresses/test_text", "figures/test_*", "notebooks/test_form"),
    *("notebooks/test_glossary", "recording/test_timeline", "support/test_sharing"),
    *(
        "framing/test_*",
        "interrupts/test_*",
        "test_course",
        "test_course_files",
        "test_environment",
        "test_floors",
    ),
    *("tls/test_handshakes", "tls/test_records"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where there is no IPv4, run what needs none, and skip the rest by name."""
    for item in [] if IPV4_WORKS else items:
        if not _goes_without_ipv4(item):
            item.add_marker(pytest.mark.skip(reason=NEEDS_IPV4))


def _goes_without_ipv4(item: pytest.Item) -> bool:
    place = Path(os.path.relpath(item.path, Path(__file__).parent)).with_suffix("").as_posix()
    if any(fnmatch(place, pattern) for pattern in WITHOUT_IPV4):
        return item.get_closest_marker("ipv4") is None
    callspec = getattr(item, "callspec", None)
    over_ipv6 = callspec is not None and callspec.params.get("family") == "IPv6"
    return over_ipv6 and item.get_closest_marker("ipv4") is None


FAMILIES = {
    "IPv4": Family(socket.AF_INET, "127.0.0.1"),
    "IPv6": Family(socket.AF_INET6, "::1"),
}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    """Run the test over IPv4 and over IPv6."""
    if request.param == "IPv6" and not sockets_lab.ipv6_works():
        pytest.skip("this machine cannot bind an IPv6 address")
    if request.param == "IPv4" and not IPV4_WORKS:
        pytest.skip(NEEDS_IPV4)
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
