"""Starting a kernel, and waiting for its messages without waiting for a dead one."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

from jupyter_client import BlockingKernelClient, KernelManager
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

__all__ = ["KernelDied", "next_message", "started_kernel"]

START_DEADLINE_S = 60
SLICE_S = 0.2


class KernelDied(Exception):
    """The kernel's process has ended, so no message will come."""


@contextmanager
def started_kernel(
    folder: Path, **environment: str
) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """Start a kernel of this interpreter in `folder`, with variables added to its environment.

    Messages go over Unix sockets where there are some: Jupyter picks TCP ports and closes them
    before the kernel binds them, and on a machine that runs lessons another socket may take one.
    Raises RuntimeError, with what the kernel wrote, when it does not answer. Ended on exit.
    """
    with tempfile.TemporaryDirectory(prefix="kernel-") as place:
        manager = KernelManager(
            kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
        )
        manager.connection_file = str(Path(place, "connection.json"))
        if sys.platform != "win32":
            manager.transport, manager.ip = "ipc", str(Path(place, "socket"))
        log = Path(place, "log")
        with log.open("wb") as written:
            manager.start_kernel(
                cwd=str(folder),
                env={**os.environ, **environment},
                extra_arguments=["--HistoryManager.enabled=False"],
                stdout=written,
                stderr=written,
            )
        client = manager.client()
        client.start_channels()
        try:
            _await_ready(client, log)
            yield manager, client
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _await_ready(client: BlockingKernelClient, log: Path) -> None:
    try:
        client.wait_for_ready(timeout=START_DEADLINE_S)
    except RuntimeError as error:
        raise RuntimeError(f"{error}; it wrote:\n{log.read_text()}") from error


def next_message(
    client: BlockingKernelClient,
    channel: str,
    alive: Callable[[], bool],
    timeout_s: float,
) -> dict[str, Any]:
    """Take the next message of `channel` ("iopub" or "shell").

    Jupyter's clients wait their whole timeout for a kernel that is gone; this one checks several
    times a second that it still runs. Raises KernelDied, or queue.Empty after `timeout_s`.
    """
    take = {"iopub": client.get_iopub_msg, "shell": client.get_shell_msg}[channel]
    deadline = monotonic() + timeout_s
    while True:
        left = deadline - monotonic()
        try:
            return take(timeout=max(0.0, min(left, SLICE_S)))
        except Empty:
            if not alive():
                raise KernelDied from None
            if left <= SLICE_S:
                raise
