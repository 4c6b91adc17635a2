"""A kernel with a look before the first cell and a look after the last one."""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from tests.notebooks import leftovers
from tests.notebooks.driver import Hangs, Kernel, KernelDied, fresh_kernel

__all__ = ["close_lost", "left_since", "look", "watched"]

LEFTOVERS = f"__import__('runpy').run_path({leftovers.__file__!r})"
SETTLE_S = 1.0


def look(kernel: Kernel) -> leftovers.Look:
    """Ask a kernel what its process holds."""
    return kernel.ask(f"{LEFTOVERS}['look']()")


def close_lost(kernel: Kernel) -> None:
    """Close what a function of the library lost in the cell that was just interrupted."""
    kernel.ask(f"{LEFTOVERS}['close_what_the_library_lost']()")


@contextmanager
def watched(
    path: Path, complaints: list[str], left: list[str], **environment: str
) -> Iterator[Kernel]:
    """Start a kernel for a notebook; at the end write into `left` what the body left behind.

    A cell that hangs or kills the kernel ends the body, and is written into `complaints`.
    """
    mark = uuid.uuid4().hex
    with (
        tempfile.TemporaryDirectory(prefix="nb-") as scratch,
        fresh_kernel(
            path.parent,
            TMPDIR=scratch,
            PYTHONWARNINGS="always::ResourceWarning",  # shows in the cell's stderr
            SOCKETS_LAB_MARK=mark,
            **environment,
        ) as kernel,
    ):
        kernel.ask("'x' * 100_000")  # zmq begins a thread with the first message of this size
        before = look(kernel)
        try:
            yield kernel
            left += left_since(kernel, before)
            left += _settled(lambda: _strangers(mark, kernel.pid))
        except (Hangs, KernelDied) as error:
            complaints.append(f"{type(error).__name__} at {str(error)!r}: the rest was not run")
            left.append("not known: the notebook's end was not reached")


def left_since(kernel: Kernel, before: leftovers.Look) -> list[str]:
    """Compare with an earlier look; what ends within a second was on its way out."""
    return _settled(lambda: leftovers.left_behind(before, look(kernel)))


def _strangers(mark: str, pid: int) -> list[str]:
    found = leftovers.strangers(mark, pid).values()
    return [f"process: {words}" for words in found]


def _settled(find: Callable[[], list[str]]) -> list[str]:
    deadline = monotonic() + SETTLE_S
    while (left := find()) and monotonic() < deadline:
        sleep(0.05)
    return left
