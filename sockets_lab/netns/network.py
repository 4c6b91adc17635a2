"""Several hosts on one link, whose sockets the notebook holds.

A socket belongs to the network in which it was made, whoever holds it. So one small process keeps
the hosts, makes sockets in them, and hands them over through a Unix socket (SCM_RIGHTS, unix(7)).
The notebook's kernel, which cannot enter a private network since it has threads, talks through
them as through any other: all of its tools work on them.

    with private_network() as network:
        server, client = network.host("server"), network.host("client")
        with server.socket() as listener, client.socket() as sock:
            listener.bind((server.ipv4, 80))
"""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from socket import AF_INET, AF_INET6, SOCK_STREAM, AddressFamily
from typing import Any, TypeVar

from sockets_lab.capabilities import Unavailable, capability
from sockets_lab.interrupts import hold_interrupts
from sockets_lab.netns.child import call_apart
from sockets_lab.netns.errors import ask_for

__all__ = ["Host", "PrivateNetwork", "private_network"]

T = TypeVar("T")
Socket = socket.socket  # inside the class, `socket` is a method

LONGEST = 1 << 17  # bytes of an answer of the keeper's
_KEEPER_S = 10.0  # it starts in 0.4 s and answers in milliseconds
_MOST_HOSTS = 200


class Host:
    """One host of a private network, with an address of each family and one of its link.

    `ipv4` is like "10.0.0.1" (a network of 24 bits), `ipv6` like "fd00::1" (64 bits), `link_local`
    like "fe80::1", which means something on one link only: `scope_id` is the number of the host's
    own interface to it, which has to be named with such an address. Ports below 1024 may be bound.
    """

    def __init__(
        self, network: "PrivateNetwork", name: str, addresses: Sequence[str], scope_id: int
    ) -> None:
        self._network = network
        self.name = name
        self.ipv4, self.ipv6, self.link_local = addresses
        self.scope_id = scope_id

    def __repr__(self) -> str:
        return f"<host {self.name}: {self.ipv4}, {self.ipv6}>"

    def address(self, family: AddressFamily) -> str:
        """The host's address of a family: `ipv4` or `ipv6`."""
        return {AF_INET: self.ipv4, AF_INET6: self.ipv6}[family]

    def socket(
        self,
        family: int = AF_INET,
        kind: int = SOCK_STREAM,
        protocol: int = 0,
    ) -> Socket:
        """A new socket on this host, which the caller closes.

        OSError as socket(2) gives it (EAFNOSUPPORT, EPERM).
        """
        made: list[Socket] = []

        def take(_: object, descriptors: list[int]) -> None:
            made.append(Socket(fileno=descriptors[0]))

        try:
            self._network.ask("socket", self.name, family, kind, protocol, take=take)
        except BaseException:  # an interrupt that was held back while it was made
            for each in made:
                each.close()
            raise
        return made[0]

    def run(self, function: Callable[..., T], /, *args: object, deadline_s: float = 10.0) -> T:
        """Run a function in a process on this host, as `in_private_network` does."""
        return call_apart(function, args, deadline_s, self._network.doors(self.name))

    def firewall(self, rules: str) -> None:
        """Load nftables rules on this host, instead of those that it had; "" for none.

        ValueError, with what nft says, for rules that it cannot read; Unavailable where the machine
        has no nft, or its kernel no nftables. See nft(8).
        """
        self._nft("-f", "-", rules=f"flush ruleset; {rules}\n")  # one line: nft names lines

    def counted(self) -> dict[str, int]:
        """Packets that each rule with a counter has met, by the comment of the rule."""
        listing = json.loads(self._nft("-j", "list", "ruleset"))
        rules = [entry["rule"] for entry in listing["nftables"] if "rule" in entry]
        return {
            rule["comment"]: part["counter"]["packets"]
            for rule in rules
            for part in rule["expr"]
            if "counter" in part and "comment" in rule
        }

    def setting(self, name: str, value: object = None) -> str:
        """A setting of this host's network, like "net.ipv4.tcp_syncookies"; set it with `value`.

        OSError as the kernel gives it (ENOENT, EINVAL); ValueError for a name outside "net.".
        """
        if value is not None:
            self._network.ask("write", self.name, name, str(value))
        return str(self._network.ask("read", self.name, name))

    def _nft(self, *arguments: str, rules: str = "") -> str:
        nftables = capability("nftables")
        if not nftables.has:
            raise Unavailable(f"{nftables.lacking}; {nftables.remedy}")
        return str(self._network.ask("nft", self.name, list(arguments), rules))


class PrivateNetwork:
    """Hosts on one link; `private_network` makes one, and takes it away again."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._networks: dict[str, int] = {}
        self._users: tuple[int, ...] = ()
        self._open = ExitStack()

    def host(self, name: str, *, delay_s: float = 0.0, loss: float = 0.0) -> Host:
        """Add a host.

        delay_s: seconds that every packet which it sends is under way
        loss: the share of them that is lost, from 0 to 1

        ValueError for a name that is taken; Unavailable for a delay or loss where the kernel has no
        netem (netem(8)), or too old a kernel.
        """
        if name in self._networks:
            raise ValueError(f"a host is called {name!r} already: give each a name of its own")
        if delay_s < 0 or not 0 <= loss <= 1:
            raise ValueError(f"a delay is not negative, and a loss from 0 to 1: {delay_s}, {loss}")
        number = len(self._networks) + 1
        if number > _MOST_HOSTS:
            raise ValueError(f"more than {_MOST_HOSTS} hosts")
        addresses = [f"10.0.0.{number}", f"fd00::{number:x}", f"fe80::{number:x}"]

        def take(_: object, descriptors: list[int]) -> None:
            self._networks[name] = descriptors[0]
            self._open.callback(os.close, descriptors[0])

        scope_id = self.ask("host", name, addresses, delay_s, loss, take=take)
        return Host(self, name, addresses, scope_id)

    def doors(self, host: str) -> tuple[int, ...]:
        """Descriptors of the namespaces through which a process gets to a host, in their order."""
        return (*self._users, self._networks[host])

    def ask(
        self,
        verb: str,
        *args: object,
        take: Callable[[Any, list[int]], None] = lambda value, descriptors: None,
    ) -> Any:
        """Ask the keeper; return what it gave, or raise what it raised.

        take: is handed that, and the descriptors that came along, before an interrupt may strike
        """
        with hold_interrupts():
            self._channel.send(pickle.dumps((verb, args)))
            value, descriptors = self._answer()
            take(value, descriptors)
        return value

    def greet(self) -> None:
        """Wait until the keeper has made its network."""
        _, (user,) = self._answer()
        self._open.callback(os.close, user)
        if not os.path.samestat(os.fstat(user), os.stat("/proc/self/ns/user")):
            self._users = (user,)  # root without user namespaces stays in its own

    def close(self) -> None:
        """Close the descriptors, which keep the network as the keeper does."""
        self._open.close()

    def _answer(self) -> tuple[Any, list[int]]:
        answer, descriptors, _, _ = socket.recv_fds(self._channel, LONGEST, 1)
        if not answer:
            raise RuntimeError("the process that keeps the private network has ended")
        how, what = pickle.loads(answer)
        if how == "failed":
            raise what
        return what, descriptors


@contextmanager
def private_network() -> Iterator[PrivateNetwork]:
    """A network of hosts that no packet leaves; all of it is gone at the end of `with`.

    It works for an ordinary user where the machine allows user namespaces. Raises NoPrivateNetwork
    where it does not. Sockets of the hosts that are still open at the end go on as if every other
    host were switched off. See network_namespaces(7), user_namespaces(7), veth(4).
    """
    ask_for("namespaces")
    with ExitStack() as open_ones:
        with hold_interrupts():
            here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            open_ones.enter_context(here)
            here.settimeout(_KEEPER_S)
            with there:
                keeper = _start(there)
            open_ones.callback(_end, keeper)
        network = PrivateNetwork(here)
        open_ones.callback(network.close)
        with hold_interrupts():
            network.greet()
        yield network


def _start(channel: socket.socket) -> subprocess.Popen[bytes]:
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        f"from sockets_lab.netns.holder import keep; keep({channel.fileno()}, {os.getpid()})"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        pass_fds=[channel.fileno()],
        start_new_session=True,
    )


def _end(keeper: subprocess.Popen[bytes]) -> None:
    """End the keeper; it is not reaped yet, so the number is still its own."""
    with hold_interrupts():
        if keeper.poll() is None:
            keeper.send_signal(signal.SIGKILL)
        keeper.wait()
