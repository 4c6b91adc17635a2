"""Chapter 10: listeners that together take every client.

The learner writes `listen_everywhere(hosts, port=0) -> list[socket.socket]`: a listener for every
address that the hosts stand for, all on one port number, whatever the system does by default with
IPv4 clients of an IPv6 socket; and none at all if one of them cannot be had.
"""

import errno
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sockets_lab.background.ownership import sockets_in
from sockets_lab.exercises.harness.quirks import in_place_of
from sockets_lab.exercises.harness.runner import (
    Failed,
    NotAvailable,
    NotStarted,
    Report,
    Sandbox,
    behaviour,
    run,
)

__all__ = ["check_listen_everywhere"]

_FOUR, _SIX = "127.0.0.1", "::1"
_NAME = "both.example"  # a name that stands for both; RFC 2606 keeps it for examples
_TAKEN = 2  # numbers that are refused before one is free
_LOOK_S = 1.0
_DRAWS = 20
_SHAPE = "return the listeners in a list"


def check_listen_everywhere(listen_everywhere: Callable[..., Sequence[socket.socket]]) -> Report:
    """Try `listen_everywhere` on loopback addresses of both families, and on machines' quirks."""
    return run("listen_everywhere", _BEHAVIOURS, listen_everywhere, deadline_s=4.0)


def _opened(bench: Sandbox, hosts: list[str], port: int = 0) -> list[socket.socket]:
    """Call the learner's function; return its listeners, which are closed at the end."""
    return _listeners(bench, bench.call(hosts, port))


def _listeners(bench: Sandbox, given: Any) -> list[socket.socket]:
    """Return what the function gave back if it is a list of listeners; Failed if it is not."""
    if given is None or given is ...:
        raise NotStarted
    for one in sockets_in([given]):
        bench.keep(one)
    if not isinstance(given, list):
        raise Failed(f"returned {_kind(given)}, and no list", _SHAPE)
    for one in given:
        if not isinstance(one, socket.socket):
            raise Failed(f"returned a list with {_kind(one)} in it", _SHAPE)
        if one.fileno() == -1:
            raise Failed("returned a listener that is closed")
    return given


def _kind(value: object) -> str:
    return "one socket" if isinstance(value, socket.socket) else type(value).__name__


def _ports(listeners: list[socket.socket]) -> set[int]:
    return {one.getsockname()[1] for one in listeners}


def _expect_addresses(listeners: list[socket.socket], *wanted: str) -> None:
    found = sorted(one.getsockname()[0] for one in listeners)
    if found != sorted(wanted):
        raise Failed(f"listeners at {', '.join(found) or 'no address'}")


def _connected(
    bench: Sandbox, listener: socket.socket, host: str, port: int
) -> tuple[socket.socket, socket.socket]:
    """Return a client of this listener and its connection; Failed if it does not get through."""
    family = socket.AF_INET6 if host == _SIX else socket.AF_INET
    client = bench.new_socket(family=family)
    try:
        client.connect((host, port))
        listener.settimeout(_LOOK_S)
        return client, bench.keep(listener.accept()[0])
    except OSError as error:
        raise Failed(f"a client of {host}: {type(error).__name__}") from error


def _taken_on_ipv6(bench: Sandbox) -> int:
    """Take a number on ::1 that is free on 127.0.0.1, as far as anybody can know; return it."""
    for _ in range(_DRAWS):
        other = bench.new_socket(family=socket.AF_INET6)
        other.bind((_SIX, 0))
        other.listen()
        port = int(other.getsockname()[1])
        with socket.socket(socket.AF_INET) as four, suppress(OSError):
            four.bind((_FOUR, port))
            return port
    raise NotAvailable("no port number is free on 127.0.0.1")


@contextmanager
def _watched(
    refusal: Callable[[socket.socket, Any], int] = lambda sock, name: 0,
) -> Iterator[list[socket.socket]]:
    """Let bind() fail with the errno that `refusal` gives, if any; yield the sockets it is for."""
    real, watched = socket.socket.bind, []

    def bind(sock: socket.socket, name: Any) -> None:
        watched.append(sock)
        if number := refusal(sock, name):
            raise OSError(number, os.strerror(number))
        real(sock, name)

    with in_place_of(socket.socket, "bind", bind):
        yield watched


def _expect_closed(
    bench: Sandbox, watched: list[socket.socket], but: Sequence[socket.socket], observed: str
) -> None:
    left_open = [sock for sock in watched if sock.fileno() != -1 and sock not in but]
    for sock in left_open:
        bench.keep(sock)
    if left_open:
        raise Failed(observed)


@behaviour(
    "is there for IPv4",
    expected="one listener at 127.0.0.1, and a client gets through",
    hint="socket(), bind() and listen() for each address that getaddrinfo() gives",
)
def _ipv4(bench: Sandbox) -> None:
    listeners = _opened(bench, [_FOUR])
    _expect_addresses(listeners, _FOUR)
    _connected(bench, listeners[0], _FOUR, *_ports(listeners))


@behaviour(
    "is there for both families",
    expected="two listeners, at 127.0.0.1 and ::1, and a client of each gets through",
    hint="the family of a socket is the one that getaddrinfo() gave with the address",
    needs="ipv6",
)
def _both(bench: Sandbox) -> None:
    listeners = _opened(bench, [_FOUR, _SIX])
    _expect_addresses(listeners, _FOUR, _SIX)
    for one in listeners:
        _connected(bench, one, *one.getsockname()[:2])


@behaviour(
    "gives them one number, which the kernel chose",
    expected="two listeners with the same port",
    hint="bind the first one to port 0, ask getsockname() for its number, and use that for the "
    "rest",
    needs="ipv6",
)
def _one_number(bench: Sandbox) -> None:
    found = _ports(_opened(bench, [_FOUR, _SIX]))
    if len(found) != 1:
        raise Failed(f"{len(found)} different ports")


@behaviour(
    "listens on the port that it is given",
    expected="the port of the call",
    hint="only port 0 leaves the choice to the kernel",
)
def _this_port(bench: Sandbox) -> None:
    with socket.socket() as probe:
        probe.bind((_FOUR, 0))
        port = int(probe.getsockname()[1])
    if _ports(_opened(bench, [_FOUR], port)) != {port}:
        raise Failed("another port")


@behaviour(
    "opens every address of a name",
    expected="two listeners for a name with two addresses",
    hint="getaddrinfo() gives a list: go through all of it, not only the first",
    needs="ipv6",
)
def _every_address(bench: Sandbox) -> None:
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> list[Any]:
        hosts = [_SIX, _FOUR] if host == _NAME else [host]
        return [answer for one in hosts for answer in real(one, *args, **kwargs)]

    with in_place_of(socket, "getaddrinfo", resolve):
        listeners = _opened(bench, [_NAME])
    _expect_addresses(listeners, _FOUR, _SIX)


@behaviour(
    "opens an address once, however it is written",
    expected="two listeners for ::1, 0:0:0:0:0:0:0:1, 127.0.0.1 and once more 127.0.0.1",
    hint="compare what getaddrinfo() gave, not the texts of the hosts; it gives an address several "
    "times unless it is asked for type=socket.SOCK_STREAM",
    needs="ipv6",
)
def _once(bench: Sandbox) -> None:
    listeners = _opened(bench, [_SIX, "0:0:0:0:0:0:0:1", _FOUR, _FOUR])
    _expect_addresses(listeners, _FOUR, _SIX)


@behaviour(
    "keeps IPv6 listeners to IPv6",
    expected="IPV6_V6ONLY is 1 when bind() is called, whatever the system's default is",
    hint="setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1), before bind(): afterwards it "
    "fails with EINVAL",
    needs="ipv6",
)
def _v6only(bench: Sandbox) -> None:
    found: list[int] = []

    def look(sock: socket.socket, name: Any) -> int:
        # Afterwards it says nothing: Linux sets it itself for an address other than ::.
        if sock.family == socket.AF_INET6:
            found.append(sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
        return 0

    with _watched(look):
        _opened(bench, [_SIX])
    if not found:
        raise Failed("no IPv6 socket is bound")
    if found[-1] != 1:
        raise Failed("IPV6_V6ONLY is 0 when bind() is called")


@behaviour(
    "tries another number if the first is taken elsewhere",
    expected=f"after {_TAKEN} numbers that are taken on the second address, a third is tried",
    hint="close what is open, and begin again with port 0, some times at most",
    needs="ipv6",
)
def _another(bench: Sandbox) -> None:
    refused: list[int] = []

    def refuse(sock: socket.socket, name: Any) -> int:
        if name[1] and len(refused) < _TAKEN:
            refused.append(name[1])
            return errno.EADDRINUSE
        return 0

    with _watched(refuse) as watched:
        listeners = _opened(bench, [_FOUR, _SIX])
    _expect_addresses(listeners, _FOUR, _SIX)
    if len(_ports(listeners)) != 1:
        raise Failed("different ports in the end")
    _expect_closed(bench, watched, listeners, "a listener of an earlier number stays open")


def _no_address(sock: socket.socket, name: Any) -> int:
    """Refuse IPv6 as bind() does where no interface has an address of it."""
    return errno.EADDRNOTAVAIL if sock.family == socket.AF_INET6 else 0


@contextmanager
def _no_family() -> Iterator[None]:
    """Refuse IPv6 as socket() does where the kernel does not know it."""
    real = socket.socket.__init__

    def init(sock: socket.socket, family: int = -1, *args: Any, **kwargs: Any) -> None:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        real(sock, family, *args, **kwargs)

    with in_place_of(socket.socket, "__init__", init):
        yield


@behaviour(
    "leaves out a family that is missing",
    expected="one listener at 127.0.0.1, and no other socket open, on a machine without IPv6",
    hint="EADDRNOTAVAIL from bind() and EAFNOSUPPORT from socket() say that the machine has no "
    "such address: close that socket, and go on",
)
def _left_out(bench: Sandbox) -> None:
    with _watched(_no_address) as watched:
        listeners = _opened(bench, [_SIX, _FOUR])
    _expect_addresses(listeners, _FOUR)
    _expect_closed(bench, watched, listeners, "the socket that could not be bound stays open")
    with _no_family():
        listeners = _opened(bench, [_SIX, _FOUR])
    _expect_addresses(listeners, _FOUR)


@behaviour(
    "raises if no address is left",
    expected="OSError for ::1 on a machine without IPv6",
    hint="keep the error of an address that is left out, and raise it if nothing was opened",
)
def _none_left(bench: Sandbox) -> None:
    with _watched(_no_address):
        error = _error_of(bench, [_SIX])
    if error is None:
        raise Failed("returned, with nothing open")


def _error_of(bench: Sandbox, hosts: list[str], port: int = 0) -> OSError | None:
    """Call the learner's function; return the OSError that it raised."""
    trial = bench.start(hosts, port)
    trial.wait()
    if isinstance(trial.error, OSError):
        return trial.error
    _listeners(bench, trial.result())
    return None


@behaviour(
    "raises what bind() raises, and leaves nothing open",
    expected="OSError (EADDRINUSE), and 127.0.0.1 is closed, if the port is taken on ::1",
    hint="close the listeners that are open already when one fails: an ExitStack does it, and "
    "pop_all() takes them out when all went well",
    needs="ipv6",
)
def _nothing_left(bench: Sandbox) -> None:
    port = _taken_on_ipv6(bench)
    with _watched() as watched:
        error = _error_of(bench, [_FOUR, _SIX], port)
    if error is None:
        raise Failed("returned, although the port is taken")
    if error.errno != errno.EADDRINUSE:
        raise Failed(f"raised {errno.errorcode.get(error.errno or 0, 'OSError')}")
    _expect_closed(bench, watched, (), "the listener at 127.0.0.1 stays open")


@behaviour(
    "can be started anew at once",
    expected="it listens on the same port while a connection of before is in TIME_WAIT",
    hint="SO_REUSEADDR, before bind(); chapter 5 tells why",
)
def _anew(bench: Sandbox) -> None:
    if os.name != "posix":
        raise NotAvailable("TIME_WAIT is no obstacle on Windows")
    listeners = _opened(bench, [_FOUR])
    _expect_addresses(listeners, _FOUR)
    (port,) = _ports(listeners)
    client, connection = _connected(bench, listeners[0], _FOUR, port)
    connection.close()  # who closes first is left in TIME_WAIT
    listeners[0].close()
    client.recv(1)
    client.close()
    error = _error_of(bench, [_FOUR], port)
    if error is not None:
        raise Failed(f"raised {errno.errorcode.get(error.errno or 0, 'OSError')}")


_BEHAVIOURS = (
    _ipv4,
    _both,
    _one_number,
    _this_port,
    _every_address,
    _once,
    _v6only,
    _another,
    _left_out,
    _none_left,
    _nothing_left,
    _anew,
)
