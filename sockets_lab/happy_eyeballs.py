"""Happy Eyeballs: connect to whichever of a name's addresses answers first (RFC 8305).

A name with addresses of both families may be unreachable over one of them, and TCP takes minutes to
say so. So the client does not wait: it gives every attempt a head start of a quarter of a second,
and then begins the next one beside it. The first that connects wins, and the others are given up.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable, Sequence
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

    `winner` is connected and not blocking, as asyncio wants it, and is the caller's to close; None
    if no attempt came through.
    """

    attempts: tuple[Attempt, ...]
    winner: socket.socket | None

    @property
    def family(self) -> str:
        """ "IPv4" or "IPv6", over which the race was won; "none" if it was lost."""
        if self.winner is None:
            return "none"
        return "IPv6" if self.winner.family == socket.AF_INET6 else "IPv4"


def interleaved(addresses: Iterable[Resolved]) -> list[Resolved]:
    """The same addresses with the families in turn, each in its own order (RFC 8305, section 4).

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
    """Connect to the addresses in turn of their families; the first to come through wins.

    delay_s: seconds before the next attempt is begun, unless one fails before
    new_socket: makes a socket of a family and a kind, as a host of a private network does

    An attempt that fails, by refusal or because its family is missing here, has the next one begun
    at once. Losers are closed, also where two come through at the same moment, and where the race
    itself is cancelled. Raises ValueError for no address.
    """
    waiting = interleaved(addresses)
    if not waiting:
        raise ValueError("no address to connect to")
    running = _Race(new_socket)
    try:
        while waiting or running.open:
            if waiting:
                running.begin(waiting.pop(0))
            await running.news(delay_s if waiting else None)
            if running.winner is not None:
                break
    except BaseException:
        running.close()
        raise
    finally:
        await running.give_up()
    return Race(tuple(running.told()), running.winner)


class _Race:
    """A race under way."""

    def __init__(self, new_socket: NewSocket) -> None:
        self._new_socket = new_socket
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._told: list[Attempt] = []
        self.open: set[asyncio.Task[None]] = set()
        self.winner: socket.socket | None = None

    def begin(self, address: Resolved) -> None:
        self.open.add(asyncio.create_task(self._attempt(address)))

    async def news(self, timeout_s: float | None) -> None:
        """Wait until an attempt has ended, or for so long."""
        _, self.open = await asyncio.wait(
            self.open, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )

    async def give_up(self) -> None:
        """End the attempts that are still under way."""
        for task in self.open:
            task.cancel()
        await asyncio.gather(*self.open, return_exceptions=True)

    def close(self) -> None:
        """Close the winner: nobody is left to take it."""
        if self.winner is not None:
            self.winner.close()

    def told(self) -> Sequence[Attempt]:
        return sorted(self._told, key=lambda attempt: attempt.began_s)

    async def _attempt(self, address: Resolved) -> None:
        began, outcome = self._loop.time(), "given up"
        try:
            outcome = await self._connect(address)
        except OSError as error:
            outcome = errno.errorcode.get(error.errno or 0, type(error).__name__)
        finally:
            ended = self._loop.time()
            endpoint = endpoint_of(address.sockaddr)
            self._told.append(Attempt(endpoint, began - self._began, ended - self._began, outcome))

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
