"""Waiting for a kernel's messages without waiting for a dead kernel."""

from collections.abc import Callable
from queue import Empty
from time import monotonic
from typing import Any

from jupyter_client import BlockingKernelClient

__all__ = ["KernelDied", "next_message"]

SLICE_S = 0.2


class KernelDied(Exception):
    """The kernel's process has ended, so no message will come."""


def next_message(
    client: BlockingKernelClient,
    channel: str,
    alive: Callable[[], bool],
    timeout_s: float,
) -> dict[str, Any]:
    """Take the next message of `channel` ("iopub" or "shell").

    Jupyter's clients wait their whole timeout for a kernel that is gone; this one looks several
    times a second whether it still runs. Raises KernelDied, or queue.Empty after `timeout_s`.
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
