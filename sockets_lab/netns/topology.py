"""Build a network of hosts, inside the process that holds it: links, addresses, delays.

Every host is a network namespace. Its interface `eth0` is one end of a veth(4) pair, whose other
end is plugged into a bridge: all hosts are on one link, as on a switch. Addresses are usable
immediately, since duplicate address detection (RFC 4862) is switched off: it would take a second.
"""

import errno
import os
import socket
from pathlib import Path

from pyroute2 import IPRoute, NetlinkError
from pyroute2.netlink.rtnl.ifaddrmsg import IFA_F_NODAD

from sockets_lab.capabilities import Unavailable
from sockets_lab.capabilities.namespaces import bring_up, leave_for, new_network

__all__ = ["PREFIX_LENGTHS", "Topology"]

SWITCH, INTERFACE = "switch", "eth0"
PREFIX_LENGTHS = {socket.AF_INET: 24, socket.AF_INET6: 64}
_SETTINGS = Path("/proc/sys/net")  # of the network that the process is in


class Topology:
    """A switch, and a descriptor for the network of each host."""

    def __init__(self) -> None:
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.hosts: dict[str, int] = {}
        _set("ipv6/conf/default/disable_ipv6", "1")  # the switch itself has no address
        with IPRoute() as route:
            route.link("add", ifname=SWITCH, kind="bridge")
            route.link("set", index=_index(SWITCH), state="up")

    def add(self, name: str, addresses: list[str], delay_s: float, loss: float) -> tuple[int, int]:
        """Plug a host in; return the number of its interface and a descriptor of its network."""
        network = self._new_network()
        port = f"port{len(self.hosts)}"
        with IPRoute() as route:
            peer = {"ifname": INTERFACE, "net_ns_fd": network}
            route.link("add", ifname=port, kind="veth", peer=peer)
            route.link("set", index=_index(port), master=_index(SWITCH), state="up")
        self.hosts[name] = network
        leave_for(network)
        try:
            return _set_up(addresses, delay_s, loss), network
        finally:
            leave_for(self.home)

    def _new_network(self) -> int:
        """Create a network with loopback up, and return to the switch's; return its descriptor."""
        new_network()
        try:
            bring_up("lo")
            for which in ("all", "default"):
                _set(f"ipv6/conf/{which}/accept_ra", "0")
            _set("ipv6/conf/default/addr_gen_mode", "1")  # the kernel makes no link-local one
            return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            leave_for(self.home)

    def enter(self, name: str) -> None:
        """Move this process to the network of a host, until `leave`."""
        leave_for(self.hosts[name])

    def leave(self) -> None:
        """Move this process back to the network of the switch."""
        leave_for(self.home)


def _set_up(addresses: list[str], delay_s: float, loss: float) -> int:
    """Set the addresses, delay and loss of this host's interface; return its number."""
    index = _index(INTERFACE)
    with IPRoute() as route:
        route.link("set", index=index, state="up")
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            # Without this flag the kernel's workers still handle the detection that is off, later.
            flags = IFA_F_NODAD if family == socket.AF_INET6 else 0
            length = PREFIX_LENGTHS[family]
            route.addr("add", index=index, address=address, prefixlen=length, flags=flags)
        if delay_s or loss:
            _impair(route, index, delay_s, loss)
    return index


def _impair(route: IPRoute, index: int, delay_s: float, loss: float) -> None:
    try:
        route.tc("add", "netem", index, handle="1:", delay=round(delay_s * 1e6), loss=loss * 100)
    except NetlinkError as error:
        if error.code != errno.ENOENT:
            raise
        raise Unavailable("the kernel cannot delay or lose packets: it has no netem") from None


def _index(interface: str) -> int:
    return socket.if_nametoindex(interface)


def _set(setting: str, value: str) -> None:
    path = _SETTINGS / setting
    if path.exists():  # a kernel without IPv6 has no settings for it
        path.write_text(value)
