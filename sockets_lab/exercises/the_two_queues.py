"""Chapter 03: predict how many connects complete, then read the accept queue.

The learner writes two functions:

`completed(backlog) -> int`: how many clients' connects complete when nobody accepts. It is compared
with what this machine's kernel does, client by client, while the check runs.

`queue_depth(listener) -> (now, limit)`: the accept queue of a listener, read from
`getsockopt(IPPROTO_TCP, TCP_INFO)` (Linux), without accepting anybody; ValueError for a socket that
does not listen, because the same bytes mean something else there.
"""

import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Sequence

from sockets_lab.exercises.harness.runner import (
    Behaviour,
    Failed,
    NotAvailable,
    NotStarted,
    Report,
    Sandbox,
    behaviour,
    described,
    run,
)
from sockets_lab.kernel import accept_queue

__all__ = ["BACKLOGS", "check_completed", "check_queue_depth", "count_completed"]

BACKLOGS = (0, 1, 3, 8)

_MORE = 2  # clients beyond backlog + 1: enough to see that they wait
_HUGE = 100_000  # more than any system's somaxconn
_OWN_TIMEOUT_S = 7.5
_STILL_S = 0.2  # without another completed connect: the queue is full

_HINT_LOOKING = (
    "looking must not change anything: getsockopt() tells the numbers without an accept()"
)
_HINT_SWAPPED = "the first of the two numbers is the queue now, the second one its limit"


def check_completed(completed: Callable[[int], int]) -> Report:
    """Compare `completed(backlog)` with what the kernel does for backlogs 0, 1, 3 and 8."""
    kernel = dict(zip(BACKLOGS, count_completed(BACKLOGS), strict=True))
    behaviours = [_prediction(backlog, kernel[backlog]) for backlog in BACKLOGS]
    return run("completed", behaviours, completed)


def check_queue_depth(queue_depth: Callable[[socket.socket], tuple[int, int]]) -> Report:
    """Try `queue_depth` on listeners with waiting clients; return what it said of each."""
    return run("queue_depth", _BEHAVIOURS, queue_depth, over_ipv6=_OVER_IPV6)


def count_completed(
    backlogs: Sequence[int], family: socket.AddressFamily = socket.AF_INET
) -> list[int]:
    """Count, for each of `backlogs`, the connects that complete while nobody accepts.

    Opens a listener with each backlog, and more clients than its queue can hold, all at once, and
    waits until no further connect completes for a fifth of a second. Everything is closed again.
    """
    with contextlib.ExitStack() as stack:
        crowds = [_crowd(stack, backlog, family) for backlog in backlogs]
        done: set[socket.socket] = set()
        _settle((client for crowd in crowds for client in crowd), done)
        return [sum(client in done for client in crowd) for crowd in crowds]


def _crowd(
    stack: contextlib.ExitStack, backlog: int, family: socket.AddressFamily
) -> list[socket.socket]:
    """Return clients that are all connecting to one new listener that nobody accepts from."""
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    listener = stack.enter_context(socket.create_server((host, 0), family=family, backlog=backlog))
    clients = [stack.enter_context(socket.socket(family)) for _ in range(backlog + 1 + _MORE)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
    return clients


def _settle(clients: Iterable[socket.socket], done: set[socket.socket]) -> None:
    """Put into `done` the clients whose connect completes, until none has for a while."""
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_WRITE, client)
        while ready := selector.select(_STILL_S):
            for key, _ in ready:
                selector.unregister(key.fileobj)
            done.update(key.data for key, _ in ready if _completed(key.data))


def _completed(client: socket.socket) -> bool:
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def _prediction(backlog: int, kernel: int) -> Behaviour:
    clients = "1 connect completes" if kernel == 1 else f"{kernel} connects complete"

    def probe(bench: Sandbox) -> None:
        trial = bench.start(backlog)
        said = trial.result()
        if trial.gave_nothing:
            raise NotStarted
        if type(said) is not int:
            raise Failed(f"gave back {said!r}", "give back a whole number (int)")
        if said != kernel:
            raise Failed(f"completed({backlog}) says {said!r}")

    return Behaviour(
        f"knows what happens after listen({backlog})",
        f"{clients} on this machine",
        "the kernel looks before it adds: one more gets in while the queue holds at most backlog "
        "connections; look again at the picture of backlogs and completed connects",
        probe,
    )


def _depth(bench: Sandbox, listener: socket.socket) -> tuple[int, int]:
    """Return what the learner's function says of `listener`, as a pair of numbers."""
    trial = bench.start(listener)
    said = trial.result()
    if trial.gave_nothing:
        raise NotStarted
    if not isinstance(said, tuple) or len(said) != 2:
        raise Failed(f"gave back {_kind(said)}", "give back a pair: return now, limit")
    if not all(type(number) is int for number in said):
        kinds = " and ".join(type(number).__name__ for number in said)
        raise Failed(f"gave back {kinds}", "struct.unpack() makes numbers of the bytes")
    return said


def _kind(value: object) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"{type(value).__name__}, not a pair"


def _waiting(bench: Sandbox, listener: socket.socket, number: int) -> None:
    """Connect `number` clients, and go on when the kernel has them all in the accept queue."""
    before = accept_queue(listener).now
    for _ in range(number):
        bench.client(listener)
    while accept_queue(listener).now < before + number:
        if time.monotonic() > bench.until_s:
            raise NotAvailable("the kernel does not put the clients into the accept queue")


def _expect(said: tuple[int, int], now: int, limit: int, after: str) -> None:
    if said != (now, limit):
        hint = _HINT_SWAPPED if said == (limit, now) else ""
        raise Failed(f"{after}: {said}", hint, expected=f"{after}: {(now, limit)}")


@behaviour(
    "counts the clients that wait",
    expected="0, then 1, 2 and 3 clients of 8",
    hint=(
        "TCP_INFO is a C struct: two unsigned 32-bit numbers in this machine's byte order, from "
        "byte 24 on"
    ),
    needs="tcp-info",
)
def _counts_waiting(bench: Sandbox) -> None:
    listener = bench.listener(backlog=8)
    _expect(_depth(bench, listener), 0, 8, "with nobody waiting")
    for number in (1, 2, 3):
        _waiting(bench, listener, 1)
        _expect(_depth(bench, listener), number, 8, f"with {_clients(number)} waiting")


def _clients(number: int) -> str:
    return "1 client" if number == 1 else f"{number} clients"


@behaviour(
    "reads the limit of this listener",
    expected="the limits 1, 3 and 50 after listen(1), listen(3) and listen(50)",
    hint="every listener has a limit of its own; it stands beside the number of those that wait",
    needs="tcp-info",
)
def _reads_limit(bench: Sandbox) -> None:
    for backlog in (1, 3, 50):
        listener = bench.listener(backlog)
        _waiting(bench, listener, 1)
        _expect(_depth(bench, listener), 1, backlog, f"1 client waiting after listen({backlog})")


@behaviour(
    "tells the limit that counts",
    expected=f"the kernel's limit, smaller than the {_HUGE} that listen() was given",
    hint="the kernel cuts a large backlog down to somaxconn: the limit in TCP_INFO is what is left",
    needs="tcp-info",
)
def _capped_limit(bench: Sandbox) -> None:
    listener = bench.listener(_HUGE)
    _waiting(bench, listener, 1)
    limit = accept_queue(listener).limit
    said = _depth(bench, listener)
    if said != (1, limit):
        kept = "the number that listen() was given" if said[1] == _HUGE else "another number"
        raise Failed(f"{kept}, not the kernel's")


@behaviour(
    "reports a queue beyond its limit as it is",
    expected="2 clients of 1",
    hint="Linux lets one more in than the limit says: give both numbers as they stand",
    needs="tcp-info",
)
def _beyond_limit(bench: Sandbox) -> None:
    listener = bench.listener(backlog=1)
    _waiting(bench, listener, 2)
    _expect(_depth(bench, listener), 2, 1, "2 clients waiting after listen(1)")


@behaviour(
    "sees the queue shrink",
    expected="3 clients, then 2 after accept()",
    hint="ask the kernel again on every call: what was true a moment ago is history",
    needs="tcp-info",
)
def _after_accept(bench: Sandbox) -> None:
    listener = bench.listener(backlog=8)
    _waiting(bench, listener, 3)
    _expect(_depth(bench, listener), 3, 8, "with 3 clients waiting")
    listener.settimeout(0)  # the function may have changed the queue: do not wait for anybody
    try:
        bench.keep(listener.accept()[0])
    except BlockingIOError:
        raise Failed("nobody waits any more", _HINT_LOOKING) from None
    _expect(_depth(bench, listener), 2, 8, "after accept()")


@behaviour(
    "leaves queue and listener alone",
    expected="3 clients still wait, and the listener is as it was",
    hint=_HINT_LOOKING,
    needs="tcp-info",
)
def _leaves_alone(bench: Sandbox) -> None:
    listener = bench.listener(backlog=8)
    listener.settimeout(_OWN_TIMEOUT_S)
    _waiting(bench, listener, 3)
    _depth(bench, listener)
    if listener.fileno() == -1:
        raise Failed("the listener is closed")
    if listener.gettimeout() != _OWN_TIMEOUT_S:
        raise Failed("the listener's timeout has changed")
    left = accept_queue(listener).now
    if left != 3:
        raise Failed(f"{left} of 3 clients wait afterwards")


@behaviour(
    "refuses a socket that does not listen",
    expected="ValueError for a client and for a new socket",
    hint=(
        "on other sockets the same bytes count segments on their way: find out first whether it "
        "listens (the state is the first byte, and 10 is LISTEN), and raise ValueError if not"
    ),
    needs="tcp-info",
)
def _refuses_others(bench: Sandbox) -> None:
    listener = bench.listener()
    for sock, what in ((bench.client(listener), "a client"), (bench.new_socket(), "a new socket")):
        trial = bench.start(sock)
        trial.wait()
        if trial.error is None:
            raise Failed(f"gave numbers for {what}")
        if not isinstance(trial.error, ValueError):
            raise Failed(f"raised {described(trial.error)} for {what}")


_BEHAVIOURS = (
    _counts_waiting,
    _reads_limit,
    _capped_limit,
    _beyond_limit,
    _after_accept,
    _leaves_alone,
    _refuses_others,
)

_OVER_IPV6 = "TCP_INFO is the same for both families: the protocol is IPPROTO_TCP for either"
