"""Chapter 10: listeners that together take every client.

The learner writes `listen_everywhere(hosts, port=0) -> list[socket.socket]`: a listener for every
address that the hosts resolve to, all on one port number, whatever the system does by default with
IPv4 clients of an IPv6 socket; and none at all if one of them cannot be opened.
"""

import errno
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from unittest import mock

from sockets_lab.background import sockets_in
from sockets_lab.capabilities import Unavailable
from sockets_lab.exercises.harness.runner import Behaviours, Failed, NotStarted, Report, Sandbox

__all__ = ["check_listen_everywhere"]

_FOUR, _SIX = "127.0.0.1", "::1"
_NAME = "both.example"  # a name that resolves to both; RFC 2606 reserves it for examples
_TAKEN = 2  # port numbers that are refused before one is free
_LOOK_S = 1.0
_DRAWS = 20
_HINT_LIST = "return the listeners in a list"


behaviours = Behaviours("listen_everywhere", deadline_s=4.0)


def check_listen_everywhere(listen_everywhere: Callable[..., Sequence[socket.socket]]) -> Report:
    """Try `listen_everywhere` on loopback addresses, and as on machines without IPv6."""
    return behaviours.check(listen_everywhere)


def _opened(sandbox: Sandbox, hosts: list[str], port: int = 0) -> list[socket.socket]:
    """Call the learner's function; return its listeners, which are closed at the end."""
    return _listeners(sandbox, sandbox.call(hosts, port))


def _listeners(sandbox: Sandbox, given: Any) -> list[socket.socket]:
    """Return what the function returned; raise Failed unless it is a list of listeners."""
    if given is None or given is ...:
        raise NotStarted
    for one in sockets_in([given]):
        sandbox.keep(one)
    if not isinstance(given, list):
        raise Failed(f"returned {_kind(given)}, not a list", _HINT_LIST)
    for one in given:
        if not isinstance(one, socket.socket):
            raise Failed(f"returned a list with {_kind(one)} in it", _HINT_LIST)
        if one.fileno() == -1:
            raise Failed("returned a closed listener")
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
    sandbox: Sandbox, listener: socket.socket, host: str, port: int
) -> tuple[socket.socket, socket.socket]:
    """Return a client of this listener and its connection; raise Failed if it cannot connect."""
    family = socket.AF_INET6 if host == _SIX else socket.AF_INET
    client = sandbox.new_socket(family=family)
    try:
        client.connect((host, port))
        listener.settimeout(_LOOK_S)
        return client, sandbox.keep(listener.accept()[0])
    except OSError as error:
        raise Failed(f"a client of {host}: {type(error).__name__}") from error


def _taken_on_ipv6(sandbox: Sandbox) -> int:
    """Take a port on ::1 that is free on 127.0.0.1 at this moment; return its number."""
    for _ in range(_DRAWS):
        other = sandbox.new_socket(family=socket.AF_INET6)
        other.bind((_SIX, 0))
        other.listen()
        port = int(other.getsockname()[1])
        with socket.socket(socket.AF_INET) as four, suppress(OSError):
            four.bind((_FOUR, port))
            return port
    raise Unavailable("no port number is free on 127.0.0.1")


@contextmanager
def _watched(
    refusal: Callable[[socket.socket, Any], int] = lambda sock, name: 0,
) -> Iterator[list[socket.socket]]:
    """Make bind() fail with the errno that `refusal` returns, unless 0; yield its sockets."""
    real, watched = socket.socket.bind, []

    def bind(sock: socket.socket, name: Any) -> None:
        watched.append(sock)
        if number := refusal(sock, name):
            raise OSError(number, os.strerror(number))
        real(sock, name)

    with mock.patch.object(socket.socket, "bind", bind):
        yield watched


def _expect_closed(
    sandbox: Sandbox, watched: list[socket.socket], but: Sequence[socket.socket], observed: str
) -> None:
    left_open = [sock for sock in watched if sock.fileno() != -1 and sock not in but]
    for sock in left_open:
        sandbox.keep(sock)
    if left_open:
        raise Failed(observed)


@behaviours(
    "listens on an IPv4 address",
    expected="one listener at 127.0.0.1, and a client connects",
    hint="call socket(), bind() and listen() for each address that getaddrinfo() returns",
)
def _ipv4(sandbox: Sandbox) -> None:
    listeners = _opened(sandbox, [_FOUR])
    _expect_addresses(listeners, _FOUR)
    _connected(sandbox, listeners[0], _FOUR, *_ports(listeners))


@behaviours(
    "listens on addresses of both families",
    expected="two listeners, at 127.0.0.1 and ::1, and a client of each connects",
    hint="use the family that getaddrinfo() returns with the address",
    needs="ipv6",
)
def _both(sandbox: Sandbox) -> None:
    listeners = _opened(sandbox, [_FOUR, _SIX])
    _expect_addresses(listeners, _FOUR, _SIX)
    for one in listeners:
        _connected(sandbox, one, *one.getsockname()[:2])


@behaviours(
    "uses one port for all, chosen by the kernel",
    expected="two listeners with the same port",
    hint="bind the first one to port 0, get its number from getsockname(), and use it for the rest",
    needs="ipv6",
)
def _one_number(sandbox: Sandbox) -> None:
    found = _ports(_opened(sandbox, [_FOUR, _SIX]))
    if len(found) != 1:
        raise Failed(f"{len(found)} different ports")


@behaviours(
    "listens on the port that it is given",
    expected="the port of the call",
    hint="only for port 0 the kernel chooses",
)
def _this_port(sandbox: Sandbox) -> None:
    with socket.socket() as probe:
        probe.bind((_FOUR, 0))
        port = int(probe.getsockname()[1])
    if _ports(_opened(sandbox, [_FOUR], port)) != {port}:
        raise Failed("another port")


@behaviours(
    "opens every address of a name",
    expected="two listeners for a name with two addresses",
    hint="getaddrinfo() returns a list: use all of it, not only the first",
    needs="ipv6",
)
def _every_address(sandbox: Sandbox) -> None:
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> list[Any]:
        hosts = [_SIX, _FOUR] if host == _NAME else [host]
        return [answer for one in hosts for answer in real(one, *args, **kwargs)]

    with mock.patch.object(socket, "getaddrinfo", resolve):
        listeners = _opened(sandbox, [_NAME])
    _expect_addresses(listeners, _FOUR, _SIX)


@behaviours(
    "opens an address once, however it is written",
    expected="two listeners for ::1, 0:0:0:0:0:0:0:1, 127.0.0.1 and once more 127.0.0.1",
    hint="compare what getaddrinfo() returns, not the texts of the hosts; it returns an address "
    "several times unless you pass type=socket.SOCK_STREAM",
    needs="ipv6",
)
def _once(sandbox: Sandbox) -> None:
    listeners = _opened(sandbox, [_SIX, "0:0:0:0:0:0:0:1", _FOUR, _FOUR])
    _expect_addresses(listeners, _FOUR, _SIX)


@behaviours(
    "makes IPv6 listeners accept IPv6 only",
    expected="IPV6_V6ONLY is 1 when bind() is called, whatever the system's default is",
    hint="setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1), before bind(): afterwards it "
    "fails with EINVAL",
    needs="ipv6",
)
def _v6only(sandbox: Sandbox) -> None:
    found: list[int] = []

    def look(sock: socket.socket, name: Any) -> int:
        # Too late after bind(): Linux sets it itself for an address other than ::.
        if sock.family == socket.AF_INET6:
            found.append(sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
        return 0

    with _watched(look):
        _opened(sandbox, [_SIX])
    if not found:
        raise Failed("no IPv6 socket is bound")
    if found[-1] != 1:
        raise Failed("IPV6_V6ONLY is 0 when bind() is called")


@behaviours(
    "tries another port if the first is taken on another address",
    expected=f"after {_TAKEN} ports that are taken on the second address, a third is tried",
    hint="close what is open, and begin again with port 0, but only a few times",
    needs="ipv6",
)
def _another(sandbox: Sandbox) -> None:
    refused: list[int] = []

    def refuse(sock: socket.socket, name: Any) -> int:
        if name[1] and len(refused) < _TAKEN:
            refused.append(name[1])
            return errno.EADDRINUSE
        return 0

    with _watched(refuse) as watched:
        listeners = _opened(sandbox, [_FOUR, _SIX])
    _expect_addresses(listeners, _FOUR, _SIX)
    if len(_ports(listeners)) != 1:
        raise Failed("the listeners have different ports")
    _expect_closed(sandbox, watched, listeners, "a listener on an earlier port stays open")


def _no_address(sock: socket.socket, name: Any) -> int:
    """Refuse IPv6 as bind() does where no interface has an IPv6 address."""
    return errno.EADDRNOTAVAIL if sock.family == socket.AF_INET6 else 0


@contextmanager
def _no_family() -> Iterator[None]:
    """Refuse IPv6 as socket() does where the kernel does not support it."""
    real = socket.socket.__init__

    def init(sock: socket.socket, family: int = -1, *args: Any, **kwargs: Any) -> None:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        real(sock, family, *args, **kwargs)

    with mock.patch.object(socket.socket, "__init__", init):
        yield


@behaviours(
    "skips a family that the machine lacks",
    expected="one listener at 127.0.0.1, and no other socket open, on a machine without IPv6",
    hint="EADDRNOTAVAIL from bind() and EAFNOSUPPORT from socket() mean that the machine has no "
    "such address: close that socket, and go on",
)
def _left_out(sandbox: Sandbox) -> None:
    with _watched(_no_address) as watched:
        listeners = _opened(sandbox, [_SIX, _FOUR])
    _expect_addresses(listeners, _FOUR)
    _expect_closed(sandbox, watched, listeners, "the socket that could not be bound stays open")
    with _no_family():
        listeners = _opened(sandbox, [_SIX, _FOUR])
    _expect_addresses(listeners, _FOUR)


@behaviours(
    "raises if no address is left",
    expected="OSError for ::1 on a machine without IPv6",
    hint="keep the error of an address that you skip, and raise it if no listener is open",
)
def _none_left(sandbox: Sandbox) -> None:
    with _watched(_no_address):
        error = _error_of(sandbox, [_SIX])
    if error is None:
        raise Failed("returned, although no listener is open")


def _error_of(sandbox: Sandbox, hosts: list[str], port: int = 0) -> OSError | None:
    """Call the learner's function; return the OSError that it raised."""
    trial = sandbox.start(hosts, port)
    trial.wait()
    if isinstance(trial.error, OSError):
        return trial.error
    _listeners(sandbox, trial.result())
    return None


@behaviours(
    "raises what bind() raises, and leaves nothing open",
    expected="OSError (EADDRINUSE), and 127.0.0.1 is closed, if the port is taken on ::1",
    hint="close the listeners that are already open when one fails: an ExitStack does it, and "
    "pop_all() keeps them open when all went well",
    needs="ipv6",
)
def _nothing_left(sandbox: Sandbox) -> None:
    port = _taken_on_ipv6(sandbox)
    with _watched() as watched:
        error = _error_of(sandbox, [_FOUR, _SIX], port)
    if error is None:
        raise Failed("returned, although the port is taken")
    if error.errno != errno.EADDRINUSE:
        raise Failed(f"raised {errno.errorcode.get(error.errno or 0, 'OSError')}")
    _expect_closed(sandbox, watched, (), "the listener at 127.0.0.1 stays open")


@behaviours(
    "can be restarted immediately",
    expected="it listens on the same port while an earlier connection is in TIME_WAIT",
    hint="set SO_REUSEADDR before bind(); chapter 5 explains why",
)
def _anew(sandbox: Sandbox) -> None:
    if os.name != "posix":
        raise Unavailable("TIME_WAIT does not prevent bind() on Windows")
    listeners = _opened(sandbox, [_FOUR])
    _expect_addresses(listeners, _FOUR)
    (port,) = _ports(listeners)
    client, connection = _connected(sandbox, listeners[0], _FOUR, port)
    connection.close()  # the end that closes first goes to TIME_WAIT
    listeners[0].close()
    client.recv(1)
    client.close()
    error = _error_of(sandbox, [_FOUR], port)
    if error is not None:
        raise Failed(f"raised {errno.errorcode.get(error.errno or 0, 'OSError')}")
