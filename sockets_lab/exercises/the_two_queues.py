"""Chapter 03: predict how many connects complete, then read the accept queue.

The learner writes two functions:

`completed(backlog) -> int`: how many clients' connects complete while the server accepts none. It
is compared with what this machine's kernel does, client by client, while the check runs.

`queue_depth(listener) -> (now, limit)`: the accept queue of a listener, read from
`getsockopt(IPPROTO_TCP, TCP_INFO)` (Linux), without accepting a client; ValueError for a socket
that does not listen, because the same bytes mean something else there.
"""

import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Sequence

from sockets_lab.capabilities import Unavailable
from sockets_lab.exercises.harness.runner import (
    Behaviour,
    Behaviours,
    Failed,
    NotStarted,
    Report,
    Sandbox,
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
    "looking must not change anything: getsockopt() returns the numbers without an accept()"
)
_HINT_SWAPPED = "the first of the two numbers is the queue's length now, the second one its limit"


def check_completed(completed: Callable[[int], int]) -> Report:
    """Compare `completed(backlog)` with what the kernel does for backlogs 0, 1, 3 and 8."""
    kernel = dict(zip(BACKLOGS, count_completed(BACKLOGS), strict=True))
    predictions = [_prediction(backlog, kernel[backlog]) for backlog in BACKLOGS]
    return run("completed", predictions, completed)


behaviours = Behaviours(
    "queue_depth",
    over_ipv6="TCP_INFO is the same for both families: the protocol is IPPROTO_TCP for either",
)


def check_queue_depth(queue_depth: Callable[[socket.socket], tuple[int, int]]) -> Report:
    """Try `queue_depth` on listeners with waiting clients; return what it answer about each."""
    return behaviours.check(queue_depth)


def count_completed(
    backlogs: Sequence[int], family: socket.AddressFamily = socket.AF_INET
) -> list[int]:
    """Return, for each of `backlogs`, how many connects complete while the server does not accept.

    Open a listener with each backlog, and more clients than its queue can hold, all together; wait
    until no further connect completes for a fifth of a second. Everything is closed again.
    """
    with contextlib.ExitStack() as stack:
        groups = [_connecting(stack, backlog, family) for backlog in backlogs]
        done: set[socket.socket] = set()
        _settle((client for clients in groups for client in clients), done)
        return [sum(client in done for client in clients) for clients in groups]


def _connecting(
    stack: contextlib.ExitStack, backlog: int, family: socket.AddressFamily
) -> list[socket.socket]:
    """Return clients that are all connecting to one new listener, which accepts none."""
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

    def probe(sandbox: Sandbox) -> None:
        trial = sandbox.start(backlog)
        answer = trial.result()
        if trial.gave_nothing:
            raise NotStarted
        if type(answer) is not int:
            raise Failed(f"returned {answer!r}", "return an int")
        if answer != kernel:
            raise Failed(f"completed({backlog}) returned {answer!r}")

    return Behaviour(
        f"predicts what happens after listen({backlog})",
        f"{clients} on this machine",
        "the kernel checks before it adds: one more gets in while the queue holds at most backlog "
        "connections; look again at the picture of backlogs and completed connects",
        probe,
    )


def _depth(sandbox: Sandbox, listener: socket.socket) -> tuple[int, int]:
    """Return what the learner's function returns for `listener`, a pair of numbers."""
    trial = sandbox.start(listener)
    answer = trial.result()
    if trial.gave_nothing:
        raise NotStarted
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise Failed(f"returned {_kind(answer)}", "return a pair: return now, limit")
    if not all(type(number) is int for number in answer):
        kinds = " and ".join(type(number).__name__ for number in answer)
        raise Failed(f"returned {kinds}", "struct.unpack() makes numbers from the bytes")
    return answer


def _kind(value: object) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"{type(value).__name__}, not a pair"


def _waiting(sandbox: Sandbox, listener: socket.socket, number: int) -> None:
    """Connect `number` clients; wait until the kernel has them all in the accept queue."""
    before = accept_queue(listener).now
    for _ in range(number):
        sandbox.client(listener)
    while accept_queue(listener).now < before + number:
        if time.monotonic() > sandbox.until_s:
            raise Unavailable("the kernel does not put the clients into the accept queue")


def _expect(answer: tuple[int, int], now: int, limit: int, after: str) -> None:
    if answer != (now, limit):
        hint = _HINT_SWAPPED if answer == (limit, now) else ""
        raise Failed(f"{after}: {answer}", hint, expected=f"{after}: {(now, limit)}")


@behaviours(
    "counts the waiting clients",
    expected="0, then 1, 2 and 3 clients of 8",
    hint=(
        "TCP_INFO is a C struct: the two are unsigned 32-bit numbers in this machine's byte "
        "order, from byte 24 on"
    ),
    needs="tcp-info",
)
def _counts_waiting(sandbox: Sandbox) -> None:
    listener = sandbox.listener(backlog=8)
    _expect(_depth(sandbox, listener), 0, 8, "with no client waiting")
    for number in (1, 2, 3):
        _waiting(sandbox, listener, 1)
        _expect(_depth(sandbox, listener), number, 8, f"with {_clients(number)} waiting")


def _clients(number: int) -> str:
    return "1 client" if number == 1 else f"{number} clients"


@behaviours(
    "reads the limit of this listener",
    expected="the limits 1, 3 and 50 after listen(1), listen(3) and listen(50)",
    hint="every listener has its own limit; it comes right after the number of waiting clients",
    needs="tcp-info",
)
def _reads_limit(sandbox: Sandbox) -> None:
    for backlog in (1, 3, 50):
        listener = sandbox.listener(backlog)
        _waiting(sandbox, listener, 1)
        _expect(_depth(sandbox, listener), 1, backlog, f"1 client waiting after listen({backlog})")


@behaviours(
    "reports the limit that applies",
    expected=f"the kernel's limit, smaller than the {_HUGE} that listen() was given",
    hint="the kernel caps a large backlog at somaxconn: TCP_INFO has the capped limit",
    needs="tcp-info",
)
def _capped_limit(sandbox: Sandbox) -> None:
    listener = sandbox.listener(_HUGE)
    _waiting(sandbox, listener, 1)
    limit = accept_queue(listener).limit
    answer = _depth(sandbox, listener)
    if answer != (1, limit):
        kept = "the number that listen() was given" if answer[1] == _HUGE else "another number"
        raise Failed(f"{kept}, not the kernel's limit")


@behaviours(
    "reports a queue longer than its limit",
    expected="2 clients of 1",
    hint="Linux lets in one client more than the limit: return both numbers unchanged",
    needs="tcp-info",
)
def _beyond_limit(sandbox: Sandbox) -> None:
    listener = sandbox.listener(backlog=1)
    _waiting(sandbox, listener, 2)
    _expect(_depth(sandbox, listener), 2, 1, "2 clients waiting after listen(1)")


@behaviours(
    "sees the queue shrink",
    expected="3 clients, then 2 after accept()",
    hint="ask the kernel again on every call: the queue changes",
    needs="tcp-info",
)
def _after_accept(sandbox: Sandbox) -> None:
    listener = sandbox.listener(backlog=8)
    _waiting(sandbox, listener, 3)
    _expect(_depth(sandbox, listener), 3, 8, "with 3 clients waiting")
    listener.settimeout(0)  # the function may have emptied the queue: do not wait
    try:
        sandbox.keep(listener.accept()[0])
    except BlockingIOError:
        raise Failed("no client is waiting any more", _HINT_LOOKING) from None
    _expect(_depth(sandbox, listener), 2, 8, "after accept()")


@behaviours(
    "does not change the queue or the listener",
    expected="3 clients are still waiting, and the listener is unchanged",
    hint=_HINT_LOOKING,
    needs="tcp-info",
)
def _leaves_alone(sandbox: Sandbox) -> None:
    listener = sandbox.listener(backlog=8)
    listener.settimeout(_OWN_TIMEOUT_S)
    _waiting(sandbox, listener, 3)
    _depth(sandbox, listener)
    if listener.fileno() == -1:
        raise Failed("the listener is closed")
    if listener.gettimeout() != _OWN_TIMEOUT_S:
        raise Failed("the listener's timeout has changed")
    left = accept_queue(listener).now
    if left != 3:
        raise Failed(f"{left} of 3 clients are waiting afterwards")


@behaviours(
    "refuses a socket that does not listen",
    expected="ValueError for a client and for a new socket",
    hint=(
        "on other sockets the same bytes count segments in flight: check first that it listens "
        "(the state is the first byte, and 10 is LISTEN), and raise ValueError if not"
    ),
    needs="tcp-info",
)
def _refuses_others(sandbox: Sandbox) -> None:
    listener = sandbox.listener()
    for sock, what in (
        (sandbox.client(listener), "a client"),
        (sandbox.new_socket(), "a new socket"),
    ):
        trial = sandbox.start(sock)
        trial.wait()
        if trial.error is None:
            raise Failed(f"returned numbers for {what}")
        if not isinstance(trial.error, ValueError):
            raise Failed(f"raised {described(trial.error)} for {what}")
