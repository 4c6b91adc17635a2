"""Probe what an ordinary user's process may do. Each probe tries the thing itself, on loopback."""

import _socket
import errno
import platform
import socket
import struct
import sys
from pathlib import Path
from typing import Final, NamedTuple

__all__ = [
    "FOUND",
    "Finding",
    "counters",
    "descriptors",
    "ipv6",
    "jupyter",
    "linux",
    "sock_diag",
    "tcp_info",
]


class Finding(NamedTuple):
    """A probe's result: why a capability is lacking and how to get it; both empty if present."""

    lacking: str = ""
    remedy: str = ""


FOUND: Final = Finding()

_LISTEN: Final = 10  # include/net/tcp_states.h
_BACKLOG: Final = 3
_TIMEOUT_S: Final = 0.5
_DESCRIPTORS_WANTED: Final = 20_000
_NETLINK_SOCK_DIAG: Final = 4


def linux() -> Finding:
    """Look for Linux (WSL 2 included)."""
    system = platform.system()
    if system == "Linux":
        return FOUND
    return Finding(
        f"this is {system}, not Linux",
        "use Linux, WSL 2 on Windows, or a Linux virtual machine or container",
    )


def ipv6() -> Finding:
    """Try to bind a socket to ::1."""
    from sockets_lab.addresses import ipv6_works

    if ipv6_works():
        return FOUND
    return Finding(
        "no socket can be bound to ::1",
        "switch IPv6 on for the loopback interface (Linux: sudo sysctl "
        "net.ipv6.conf.lo.disable_ipv6=0; Docker: --sysctl net.ipv6.conf.lo.disable_ipv6=0)",
    )


def tcp_info() -> Finding:
    """Try to read a listener's state and accept queue from TCP_INFO."""
    listener = _listener()
    try:
        info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        state, queue = info[0], struct.unpack_from("=II", info, 24)
    except (OSError, AttributeError, struct.error) as error:
        return Finding(f"the kernel has no TCP_INFO ({error})", "use a full Linux kernel")
    finally:
        listener.close()
    if (state, queue) == (_LISTEN, (0, _BACKLOG)):
        return FOUND
    return Finding(
        "TCP_INFO of a listener differs from Linux's documentation", "use a full Linux kernel"
    )


def sock_diag() -> Finding:
    """Ask over netlink for the listeners, of which there is at least ours."""
    listener = _listener()
    try:
        found = _listeners_are_listed()
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, str(error))
        return Finding(f"the kernel does not answer sock_diag requests ({name})", _LOAD_SOCK_DIAG)
    finally:
        listener.close()
    return FOUND if found else Finding("sock_diag lists no TCP socket", _LOAD_SOCK_DIAG)


_LOAD_SOCK_DIAG: Final = "sudo modprobe tcp_diag; meanwhile /proc/net/tcp is read instead"


def counters() -> Finding:
    """Try to read /proc/net/netstat."""
    try:
        there = "ListenOverflows" in Path("/proc/net/netstat").read_text()
    except OSError as error:
        return Finding(f"/proc/net/netstat cannot be read ({error.strerror})", _MOUNT_PROC)
    return FOUND if there else Finding("/proc/net/netstat has no ListenOverflows", _MOUNT_PROC)


_MOUNT_PROC: Final = "mount /proc in full, or use a full Linux kernel"


def descriptors() -> Finding:
    """Compare the descriptor limit with what 9,000 connections need."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return FOUND
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= _DESCRIPTORS_WANTED:
        return FOUND
    return Finding(
        f"a process may open {hard:,} descriptors, but needs {_DESCRIPTORS_WANTED:,}",
        "raise the hard limit: nofile in /etc/security/limits.conf, or docker run "
        f"--ulimit nofile={_DESCRIPTORS_WANTED}",
    )


def jupyter() -> Finding:
    """Look for the Jupyter kernel that this code runs in."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is not None:
        return FOUND
    return Finding("this Python does not run in Jupyter", "open the notebook: sockets-lab open")


def _listener() -> _socket.socket:
    """Open a listener on loopback, of the C class: an active recording must not show the probe."""
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
    """Ask with TCPDIAG_GETSOCK for listening sockets; raise the errno of the kernel's answer."""
    channel = _socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
    try:
        channel.settimeout(_TIMEOUT_S)
        request = bytes(44) + b"\xff" * 8 + struct.pack("=II", 1 << _LISTEN, 0)
        channel.send(struct.pack("=IHHII", 16 + len(request), 18, 0x301, 1, 0) + request)
        answer = channel.recv(1 << 16)
    finally:
        channel.close()
    _, kind = struct.unpack_from("=IH", answer)
    if kind == 2:  # NLMSG_ERROR
        raise OSError(-struct.unpack_from("=i", answer, 16)[0], "sock_diag")
    return bool(kind != 3)  # NLMSG_DONE: the list is empty
