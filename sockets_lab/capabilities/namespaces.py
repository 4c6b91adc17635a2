"""Enter network namespaces with system calls; as a program, try what a private network allows.

As a module it is for `netns` and `peers`: `enter` and `join` move the calling process for good.

As a program it is the probe of `capabilities`. A user and network namespace (user_namespaces(7),
network_namespaces(7)) can only be entered by a process with one thread, which a notebook's kernel
is not. So `privileged` runs this file in a child process, which prints one line for each probe:
NAME, then "yes" or the step that failed and its errno. The namespace ends with the child. Python
starts without the package's path there, so this file imports the standard library only.
"""

import ctypes
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["bring_up", "enter", "entered", "join", "leave_for", "new_network"]

CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000  # linux/sched.h
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # netdevice(7)
ETH_P_ALL = 3  # packet(7)
NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12  # netlink(7)

_entered = False


def enter() -> None:
    """Move this process into a new network, in which it is root and `lo` is up.

    Raises OSError, whose message is the step that failed.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        _unshare(CLONE_NEWUSER | CLONE_NEWNET)
    except OSError:
        _unshare(CLONE_NEWNET)  # root needs no user namespace
    else:
        _map_to_root(user, group)
    global _entered
    _entered = True
    bring_up("lo")


def join(descriptors: Sequence[int]) -> None:
    """Move this process into the namespaces of `descriptors`, in that order.

    Raises OSError, whose message is the step that failed. See setns(2).
    """
    for descriptor in descriptors:
        leave_for(descriptor)
    global _entered
    _entered = True


def new_network() -> None:
    """Move this process from the private network it is in to a new, empty one."""
    _unshare(CLONE_NEWNET)


def leave_for(descriptor: int) -> None:
    """Move this process into the namespace of `descriptor`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def entered() -> bool:
    """Return True if this process is in a private network, which no packet can leave."""
    return _entered


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def _map_to_root(user: int, group: int) -> None:
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {user} 1"),
        ("gid_map", f"0 {group} 1"),
    ):
        try:
            Path("/proc/self", file).write_text(text)
        except OSError as error:
            raise OSError(error.errno, file) from error


def bring_up(interface: str) -> None:
    """Bring an interface up (netdevice(7))."""
    import fcntl  # not available on Windows, which only calls `entered`

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.pack("16sh14x", interface.encode(), IFF_UP)
        try:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, flags)
        except OSError as error:
            raise OSError(error.errno, f"{interface} up") from error


def capture() -> None:
    """Send one datagram over loopback and wait for it in a raw capture."""
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as tap,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        tap.bind(("lo", 0))
        tap.settimeout(0.5)
        sender.sendto(b"sockets_lab probe", ("127.0.0.1", 9))
        while b"sockets_lab probe" not in tap.recv(2048):
            pass


def filter_packets() -> None:
    """Add one nftables table, which the kernel acknowledges with error number 0.

    The three messages of a transaction: begin, new table, end (linux/netfilter/nf_tables.h).
    """
    name = struct.pack("=HH8s", 12, 1, b"probe\0")  # NFTA_TABLE_NAME
    edge = struct.pack(">BBH", 0, 0, 10)  # of subsystem NFNL_SUBSYS_NFTABLES
    new_table = struct.pack(">BBH", 1, 0, 0) + name  # of family "inet"
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as channel:
        channel.settimeout(0.5)
        channel.send(
            _message(0x10, 1, edge) + _message(10 << 8, 0x405, new_table) + _message(0x11, 1, edge)
        )
        number = -struct.unpack_from("=i", channel.recv(4096), 16)[0]
    if number:
        raise OSError(number, "new table")


def delay_packets() -> None:
    """Add netem to `lo`, as a queueing discipline without delay (linux/pkt_sched.h)."""
    kind = struct.pack("=HH6sxx", 10, 1, b"netem\0")  # TCA_KIND
    options = struct.pack("=HH6I", 28, 2, 0, 1000, 0, 0, 0, 0)  # TCA_OPTIONS: tc_netem_qopt
    lo = struct.pack("=BxxxiIII", 0, 1, 0, 0xFFFF_FFFF, 0)  # tcmsg: interface 1, at its root
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as channel:
        channel.settimeout(0.5)
        channel.send(_message(36, 0x605, lo + kind + options))  # RTM_NEWQDISC
        number = -struct.unpack_from("=i", channel.recv(4096), 16)[0]
    if number:
        raise OSError(number, "new qdisc")


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def _try(name: str, attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except OSError as error:
        step = error.strerror if error.strerror and not error.filename else name
        code = errno.errorcode.get(error.errno or 0, type(error).__name__)
        sys.stdout.write(f"{name} {step}: {code}\n")
        return False
    sys.stdout.write(f"{name} yes\n")
    return True


if __name__ == "__main__" and _try("namespaces", enter):
    _try("raw-capture", capture)
    _try("nftables", filter_packets)
    _try("netem", delay_packets)
