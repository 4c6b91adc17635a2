"""Resource usage of a process and its children: CPU time, time waited for a core, and memory.

CPU time comes from the kernel's clock of a process (clock_getcpuclockid(3)) where there is one. It
counts nanoseconds, while /proc/PID/stat and so psutil count ticks of 10 ms, too coarse for a short
run. psutil finds the children, and measures everything on other systems.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import psutil

__all__ = [
    "HasPid",
    "KernelMemory",
    "Memory",
    "Usage",
    "cpu_s",
    "kernel_memory",
    "memory",
    "pid_of",
    "usage",
    "usage_here",
]

_MEMINFO = Path("/proc/meminfo")
_SOCKSTAT = Path("/proc/net/sockstat")


class HasPid(Protocol):
    """A server that has the number of its process, as `serving()` yields it."""

    @property
    def pid(self) -> int: ...


def pid_of(server: int | HasPid | None) -> int | None:
    """Return the number of the server's process; None if it was not given."""
    return server if server is None or isinstance(server, int) else server.pid


class Usage(NamedTuple):
    """Seconds that a process and its descendants have used so far; subtract two of them.

    `cpu_s` was spent on a core, in user mode and in the kernel; `queued_s` ready to run while other
    processes had the cores (Linux; elsewhere 0).
    """

    cpu_s: float
    queued_s: float

    @property
    def busy_s(self) -> float:
        """Return the seconds in which there was work to do."""
        return self.cpu_s + self.queued_s

    def since(self, before: "Usage") -> "Usage":
        """Return what was used since `before`; the wait of threads that have ended is not in it."""
        return Usage(self.cpu_s - before.cpu_s, max(0.0, self.queued_s - before.queued_s))


class Memory(NamedTuple):
    """Bytes that a process and its children hold, summed.

    `rss` (resident set size) counts a page in every process that shares it, `pss` (proportional set
    size, Linux) gives each its share; None where the system does not report it.
    """

    rss: int
    pss: int | None
    processes: int


class KernelMemory(NamedTuple):
    """Bytes that the kernel of this machine holds, and what was counted."""

    nbytes: int
    source: str


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and its children, ended ones included.

    Raises ProcessLookupError (ESRCH) if there is no such process.
    """
    return usage(pid).cpu_s


def usage(pid: int) -> Usage:
    """Return the CPU time of a process and its children, and how long they waited for a core.

    Raises ProcessLookupError (ESRCH) if there is no such process.
    """
    family = list(_family(pid))
    spent = [_spent_s(process) for process in family]
    return Usage(sum(spent), sum(_queued_s(process.pid) for process in family))


def usage_here() -> Usage:
    """Return the usage of this process alone, which needs no search for children."""
    return Usage(time.process_time(), _queued_s(os.getpid()))


def memory(pid: int) -> Memory:
    """Return the memory of a process and its children.

    Raises ProcessLookupError (ESRCH) if there is no such process.
    """
    import psutil

    rss, pss, processes = 0, 0, 0
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            info = process.memory_full_info() if sys.platform == "linux" else process.memory_info()
            rss, pss, processes = rss + info.rss, pss + getattr(info, "pss", 0), processes + 1
    return Memory(rss, pss or None, processes)


def kernel_memory() -> KernelMemory | None:
    """Return the memory that the kernel holds, for sockets and all else; None if not Linux.

    Sockets and what belongs to them come from the kernel's *slab*, its store of small objects; the
    bytes in their buffers from separate pages. The kernel does not say whose they are, so this
    counts the whole machine: measure before and after opening many connections. See proc(5).
    """
    try:
        slab = _kib(_MEMINFO.read_text(), "Slab") * 1024
        buffers = _buffer_pages(_SOCKSTAT.read_text()) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, LookupError):
        return None
    return KernelMemory(
        slab + buffers, "slab of the whole machine (/proc/meminfo), buffers (/proc/net/sockstat)"
    )


def _family(pid: int) -> "Iterator[psutil.Process]":
    """Yield the process and its descendants."""
    import psutil

    try:
        parent = psutil.Process(pid)
        yield parent
        yield from parent.children(recursive=True)
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(
            f"there is no process {pid!r}, or it has ended: measure while it runs"
        ) from error


def _spent_s(process: "psutil.Process") -> float:
    """Return the CPU seconds of a process and of the children that it has waited for."""
    import psutil

    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # it ended meanwhile; its parent's times have it now
        return 0.0
    own = _clock_s(process.pid)
    children = float(times.children_user + times.children_system)
    return children + (float(times.user + times.system) if own is None else own)


def _clock_s(pid: int) -> float | None:
    """Return the kernel's CPU clock of a process, in seconds; None where there is none."""
    if sys.platform != "linux":
        return None
    try:
        # As clock_getcpuclockid(3) makes it: the inverted bits of the pid, then the kind of clock.
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None


def _queued_s(pid: int) -> float:
    """Return the seconds in which living threads of a process were ready to run and did not."""
    waited_ns = 0
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):  # the thread has ended
            waited_ns += int(file.read_text().split()[1])
    return waited_ns * 1e-9


def _kib(text: str, name: str) -> int:
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)


def _buffer_pages(text: str) -> int:
    """Return the pages of TCP's buffers, from `TCP: inuse 1 orphan 0 tw 0 alloc 4 mem 393`."""
    for line in text.splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[line.split().index("mem") + 1])
    raise LookupError("TCP")
