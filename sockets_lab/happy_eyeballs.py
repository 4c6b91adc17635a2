"""Happy Eyeballs: connect to the first of a name's addresses that answers (RFC 8305).

A name with addresses of both families may be unreachable over one of them, and TCP takes minutes to
report it. So the client does not wait: it gives every attempt a head start of a quarter of a
second, and then begins the next one beside it. The first that connects wins, and the others are
given up.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable
from itertools import chain, zip_longest
from typing import NamedTuple

from sockets_lab.addresses import Endpoint, Resolved, endpoint_of

__all__ = ["DELAY_S", "Attempt", "Race", "connect", "interleaved", "race"]

DELAY_S = 0.25  # RFC 8305, section 5: the Connection Attempt Delay that it recommends
NewSocket = Callable[[int, int], socket.socket]


class Attempt(NamedTuple):
    """One attempt to connect, in seconds since the race began.

    `outcome` is "connected", "given up", or the name of the errno, like "ECONNREFUSED".
    """

    endpoint: Endpoint
    began_s: float
    ended_s: float
    outcome: str


class Race(NamedTuple):
    """How a race went: its attempts in the order in which they began, and the winner's socket.

    `winner` is connected and non-blocking, as asyncio needs it; the caller closes it. None if no
    attempt connected.
    """

    attempts: tuple[Attempt, ...]
    winner: socket.socket | None

    @property
    def family(self) -> str:
        """Return the winner's family, "IPv4" or "IPv6"; "none" without a winner."""
        if self.winner is None:
            return "none"
        return "IPv6" if self.winner.family == socket.AF_INET6 else "IPv4"


def interleaved(addresses: Iterable[Resolved]) -> list[Resolved]:
    """Return the addresses with the families in turn, each in its order (RFC 8305, section 4).

    The family of the first address goes first: the resolver's preference is kept.
    """
    given = list(addresses)
    preferred = [each for each in given if each.family == given[0].family]
    others = [each for each in given if each.family != given[0].family]
    in_turn = chain.from_iterable(zip_longest(preferred, others))
    return [each for each in in_turn if each is not None]


async def connect(host: str, port: int, *, delay_s: float = DELAY_S) -> Race:
    """Resolve a name, and race its addresses; see `race`. Raises gaierror for an unknown name."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await race(
        [Resolved(family, kind, protocol, name) for family, kind, protocol, _, name in found],  # type: ignore[arg-type]
        delay_s=delay_s,
    )


async def race(
    addresses: Iterable[Resolved],
    *,
    delay_s: float = DELAY_S,
    new_socket: NewSocket = socket.socket,
) -> Race:
    """Connect to the addresses, families in turn; the first that connects wins.

    delay_s: seconds before the next attempt begins, unless one fails earlier
    new_socket: makes a socket from a family and a kind, as a host of a private network does

    When an attempt fails, by refusal or because this machine lacks its family, the next one begins
    immediately. Losers are closed, also when two connect at the same moment, and when the race
    itself is cancelled. Raises ValueError for no address.
    """
    pending = interleaved(addresses)
    if not pending:
        raise ValueError("no address to connect to")
    running = _Race(new_socket)
    try:
        while pending or running.open:
            if pending:
                running.begin(pending.pop(0))
            await running.wait(delay_s if pending else None)
            if running.winner is not None:
                break
    except BaseException:
        running.close()
        raise
    finally:
        await running.give_up()
    return running.result()


class _Race:
    """A race under way."""

    def __init__(self, new_socket: NewSocket) -> None:
        self._new_socket = new_socket
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._attempts: list[Attempt] = []
        self.open: set[asyncio.Task[None]] = set()
        self.winner: socket.socket | None = None

    def begin(self, address: Resolved) -> None:
        self.open.add(asyncio.create_task(self._attempt(address)))

    async def wait(self, timeout_s: float | None) -> None:
        """Wait until an attempt has ended, or until the timeout."""
        _, self.open = await asyncio.wait(
            self.open, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )

    async def give_up(self) -> None:
        """Cancel the attempts that are still under way."""
        for task in self.open:
            task.cancel()
        await asyncio.gather(*self.open, return_exceptions=True)

    def close(self) -> None:
        """Close the winner: no caller will get it."""
        if self.winner is not None:
            self.winner.close()

    def result(self) -> Race:
        attempts = sorted(self._attempts, key=lambda attempt: attempt.began_s)
        return Race(tuple(attempts), self.winner)

    async def _attempt(self, address: Resolved) -> None:
        began, outcome = self._loop.time(), "given up"
        try:
            outcome = await self._connect(address)
        except OSError as error:
            outcome = errno.errorcode.get(error.errno or 0, type(error).__name__)
        finally:
            ended = self._loop.time()
            endpoint = endpoint_of(address.sockaddr)
            self._attempts.append(
                Attempt(endpoint, began - self._began, ended - self._began, outcome)
            )

    async def _connect(self, address: Resolved) -> str:
        sock = self._new_socket(address.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await self._loop.sock_connect(sock, address.sockaddr)
            if self.winner is not None:
                return "given up"
            self.winner = sock
            return "connected"
        finally:
            if self.winner is not sock:
                sock.close()
