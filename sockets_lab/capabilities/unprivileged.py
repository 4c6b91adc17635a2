"""Probes of what an ordinary user's process may ask. Each tries the thing itself, on loopback."""

import _socket
import errno
import platform
import socket
import struct
import sys
from pathlib import Path
from typing import Final

from sockets_lab.capabilities.finding import FOUND, Finding

__all__ = ["counters", "descriptors", "ipv6", "jupyter", "linux", "sock_diag", "tcp_info"]

_LISTEN: Final = 10  # include/net/tcp_states.h
_BACKLOG: Final = 3
_PATIENCE_S: Final = 0.5
_DESCRIPTORS_WANTED: Final = 20_000
_NETLINK_SOCK_DIAG: Final = 4


def linux() -> Finding:
    """Is this Linux (WSL 2 included)?"""
    system = platform.system()
    if system == "Linux":
        return FOUND
    return Finding(
        f"this is {system}, not Linux",
        "use Linux, WSL 2 on Windows, or a Linux virtual machine or container",
    )


def ipv6() -> Finding:
    """Can a socket be bound to ::1?"""
    from sockets_lab.addresses import ipv6_works

    if ipv6_works():
        return FOUND
    return Finding(
        "no socket can be bound to ::1",
        "switch IPv6 on for the loopback interface (Linux: sudo sysctl "
        "net.ipv6.conf.lo.disable_ipv6=0; Docker: --sysctl net.ipv6.conf.lo.disable_ipv6=0)",
    )


def tcp_info() -> Finding:
    """Does TCP_INFO of a listener hold its state and its accept queue?"""
    listener = _listener()
    try:
        info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        state, queue = info[0], struct.unpack_from("=II", info, 24)
    except (OSError, AttributeError, struct.error) as error:
        return Finding(f"the kernel gives no TCP_INFO ({error})", "use a full Linux kernel")
    finally:
        listener.close()
    if (state, queue) == (_LISTEN, (0, _BACKLOG)):
        return FOUND
    return Finding("TCP_INFO of a listener is not what Linux documents", "use a full Linux kernel")


def sock_diag() -> Finding:
    """Does the kernel list listeners, of which there is at least ours, when asked over netlink?"""
    listener = _listener()
    try:
        found = _listeners_are_listed()
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, str(error))
        return Finding(f"the kernel answers no sock_diag request ({name})", _LOAD_SOCK_DIAG)
    finally:
        listener.close()
    return FOUND if found else Finding("sock_diag lists no TCP socket", _LOAD_SOCK_DIAG)


_LOAD_SOCK_DIAG: Final = "sudo modprobe tcp_diag; meanwhile /proc/net/tcp is read instead"


def counters() -> Finding:
    """Can /proc/net/netstat be read?"""
    try:
        there = "ListenOverflows" in Path("/proc/net/netstat").read_text()
    except OSError as error:
        return Finding(f"/proc/net/netstat cannot be read ({error.strerror})", _MOUNT_PROC)
    return FOUND if there else Finding("/proc/net/netstat has no ListenOverflows", _MOUNT_PROC)


_MOUNT_PROC: Final = "mount /proc in full, or use a full Linux kernel"


def descriptors() -> Finding:
    """May one process hold enough descriptors for 9,000 connections?"""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return FOUND
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= _DESCRIPTORS_WANTED:
        return FOUND
    return Finding(
        f"a process may hold {hard:,} descriptors, and this takes {_DESCRIPTORS_WANTED:,}",
        "raise the hard limit: nofile in /etc/security/limits.conf, or docker run "
        f"--ulimit nofile={_DESCRIPTORS_WANTED}",
    )


def jupyter() -> Finding:
    """Does this code run in a Jupyter kernel?"""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is not None:
        return FOUND
    return Finding("this Python does not run in Jupyter", "open the notebook: sockets-lab open")


def _listener() -> _socket.socket:
    """A listener on loopback, of the C class: a recording that is on must not show the probe."""
    try:
        return _listening(socket.AF_INET, "127.0.0.1")
    except OSError:  # a machine without IPv4
        return _listening(socket.AF_INET6, "::1")


def _listening(family: int, host: str) -> _socket.socket:
    listener = _socket.socket(family, socket.SOCK_STREAM, 0)
    try:
        listener.bind((host, 0))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _listeners_are_listed() -> bool:
    """Ask with TCPDIAG_GETSOCK for the sockets that listen; raise the errno the kernel answers."""
    channel = _socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
    try:
        channel.settimeout(_PATIENCE_S)
        question = bytes(44) + b"\xff" * 8 + struct.pack("=II", 1 << _LISTEN, 0)
        channel.send(struct.pack("=IHHII", 16 + len(question), 18, 0x301, 1, 0) + question)
        answer = channel.recv(1 << 16)
    finally:
        channel.close()
    _, kind = struct.unpack_from("=IH", answer)
    if kind == 2:  # NLMSG_ERROR
        raise OSError(-struct.unpack_from("=i", answer, 16)[0], "sock_diag")
    return bool(kind != 3)  # NLMSG_DONE: the list is empty
