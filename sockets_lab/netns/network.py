"""Several hosts on one link, whose sockets the notebook holds.

A socket belongs to the network in which it was created, even if another process holds it. So one
small process, the holder, keeps the hosts, creates sockets in them, and passes them to us through a
Unix socket (SCM_RIGHTS, unix(7)). The notebook's kernel, which cannot enter a private network since
it has threads, uses them like any other socket: all of its tools work on them.

    with private_network() as network:
        server, client = network.host("server"), network.host("client")
        with server.socket() as listener, client.socket() as sock:
            listener.bind((server.ipv4, 80))
"""

import json
import os
import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from socket import AF_INET, AF_INET6, SOCK_STREAM, AddressFamily
from typing import Any, TypeVar

from sockets_lab.capabilities import Unavailable, capability
from sockets_lab.child import ChildProcess
from sockets_lab.interrupts import hold_interrupts
from sockets_lab.netns.child import call_in_network
from sockets_lab.netns.errors import require
from sockets_lab.netns.holder import LONGEST, hold

__all__ = ["Host", "PrivateNetwork", "private_network"]

T = TypeVar("T")
Socket = socket.socket  # inside the class, `socket` is a method

_HOLDER_S = 10.0  # it starts in 0.4 s and answers in milliseconds
_MOST_HOSTS = 200


class Host:
    """One host of a private network, with an IPv4, an IPv6 and a link-local address.

    `ipv4` is like "10.0.0.1" (prefix length 24), `ipv6` like "fd00::1" (64). `link_local` is like
    "fe80::1" and valid on one link only: give it together with `scope_id`, the number of the host's
    own interface to that link. Ports below 1024 may be bound.
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
        """Return the host's address of a family: `ipv4` or `ipv6`."""
        return {AF_INET: self.ipv4, AF_INET6: self.ipv6}[family]

    def socket(
        self,
        family: int = AF_INET,
        kind: int = SOCK_STREAM,
        protocol: int = 0,
    ) -> Socket:
        """Create a socket on this host, which the caller closes.

        OSError as socket(2) reports it (EAFNOSUPPORT, EPERM).
        """
        made: list[Socket] = []

        def take(_: object, descriptors: list[int]) -> None:
            made.append(Socket(fileno=descriptors[0]))

        try:
            self._network.request("socket", self.name, family, kind, protocol, take=take)
        except BaseException:  # an interrupt that was held back while it was created
            for each in made:
                each.close()
            raise
        return made[0]

    def run(self, function: Callable[..., T], /, *args: object, deadline_s: float = 10.0) -> T:
        """Run a function in a process on this host, as `in_private_network` does."""
        return call_in_network(function, args, deadline_s, self._network.namespace_fds(self.name))

    def firewall(self, rules: str) -> None:
        """Load nftables rules on this host, in place of those that it had; "" for none.

        ValueError, with what nft says, for rules that it cannot read; Unavailable where the machine
        has no nft, or its kernel no nftables. See nft(8).
        """
        self._nft("-f", "-", rules=f"flush ruleset; {rules}\n")  # one line: nft names lines

    def counted(self) -> dict[str, int]:
        """Return the packets that each rule with a counter has matched, by the rule's comment."""
        listing = json.loads(self._nft("-j", "list", "ruleset"))
        rules = [entry["rule"] for entry in listing["nftables"] if "rule" in entry]
        return {
            rule["comment"]: part["counter"]["packets"]
            for rule in rules
            for part in rule["expr"]
            if "counter" in part and "comment" in rule
        }

    def setting(self, name: str, value: object = None) -> str:
        """Return a setting of this host's network, like "net.ipv4.tcp_syncookies"; `value` sets it.

        OSError as the kernel reports it (ENOENT, EINVAL); ValueError for a name outside "net.".
        """
        if value is not None:
            self._network.request("write", self.name, name, str(value))
        return str(self._network.request("read", self.name, name))

    def _nft(self, *arguments: str, rules: str = "") -> str:
        nftables = capability("nftables")
        if not nftables.has:
            raise Unavailable(f"{nftables.lacking}; {nftables.remedy}")
        return str(self._network.request("nft", self.name, list(arguments), rules))


class PrivateNetwork:
    """Hosts on one link; `private_network` creates it, and removes it again."""

    def __init__(self, channel: socket.socket, holder: ChildProcess) -> None:
        self._channel, self._holder = channel, holder
        self._networks: dict[str, int] = {}
        self._users: tuple[int, ...] = ()
        self._open = ExitStack()

    def host(self, name: str, *, delay_s: float = 0.0, loss: float = 0.0) -> Host:
        """Add a host.

        delay_s: seconds of delay for every packet that it sends
        loss: the share of its packets that is lost, from 0 to 1

        ValueError for a name that is taken; Unavailable for a delay or loss where the kernel has no
        netem (netem(8)), or too old a kernel.
        """
        if name in self._networks:
            raise ValueError(f"there is a host {name!r} already: give each host a different name")
        if delay_s < 0 or not 0 <= loss <= 1:
            raise ValueError(
                f"delay_s is {delay_s!r} and loss {loss!r}: give a delay of 0 or more, and a loss "
                "from 0 to 1"
            )
        number = len(self._networks) + 1
        if number > _MOST_HOSTS:
            raise ValueError(f"there are {_MOST_HOSTS} hosts already: a network holds no more")
        addresses = [f"10.0.0.{number}", f"fd00::{number:x}", f"fe80::{number:x}"]

        def take(_: object, descriptors: list[int]) -> None:
            self._networks[name] = descriptors[0]
            self._open.callback(os.close, descriptors[0])

        scope_id = self.request("host", name, addresses, delay_s, loss, take=take)
        return Host(self, name, addresses, scope_id)

    def namespace_fds(self, host: str) -> tuple[int, ...]:
        """Return descriptors of the namespaces of a host, in the order in which to enter them."""
        return (*self._users, self._networks[host])

    def request(
        self,
        verb: str,
        *args: object,
        take: Callable[[Any, list[int]], None] = lambda value, descriptors: None,
    ) -> Any:
        """Send the holder a request; return its answer, or raise its error.

        take: called with the answer and its descriptors, while interrupts are held back
        """
        with hold_interrupts():
            self._channel.send(pickle.dumps((verb, args)))
            value, descriptors = self._answer()
            take(value, descriptors)
        return value

    def wait_until_created(self) -> None:
        """Wait until the holder has created its network."""
        _, (user,) = self._answer()
        self._open.callback(os.close, user)
        if not os.path.samestat(os.fstat(user), os.stat("/proc/self/ns/user")):
            self._users = (user,)  # root without user namespaces stays in its own

    def close(self) -> None:
        """Close the descriptors, which keep the network in existence as the holder does."""
        self._open.close()

    def _answer(self) -> tuple[Any, list[int]]:
        answer, descriptors, _, _ = socket.recv_fds(self._channel, LONGEST, 1)
        if not answer:
            why = self._holder.receive(_HOLDER_S).error
            raise RuntimeError("the process that holds the private network has ended") from why
        status, value = pickle.loads(answer)
        if status == "failed":
            raise value
        return value, descriptors


@contextmanager
def private_network() -> Iterator[PrivateNetwork]:
    """Create a network of hosts that no packet leaves; all of it is removed when the block ends.

    It works for an ordinary user where the machine allows user namespaces. Raises NoPrivateNetwork
    where it does not. Sockets of the hosts that are still open at the end go on as if every other
    host were switched off. See network_namespaces(7), user_namespaces(7), veth(4).
    """
    require("namespaces")
    with ExitStack() as open_ones:
        with hold_interrupts():
            here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            open_ones.enter_context(here)
            here.settimeout(_HOLDER_S)
            with there:
                holder = ChildProcess("the holder", pass_fds=[there.fileno()])
                open_ones.callback(holder.end)
                holder.send(hold, there.fileno())
        network = PrivateNetwork(here, holder)
        open_ones.callback(network.close)
        with hold_interrupts():
            network.wait_until_created()
        yield network
