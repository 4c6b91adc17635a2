"""A kernel driven by hand: run a cell, interrupt a cell, ask what is there."""

import ast
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from subprocess import DEVNULL
from time import monotonic, sleep
from typing import Any, NamedTuple

from jupyter_client import BlockingKernelClient, KernelManager
from nbformat import NotebookNode
from nbformat.v4 import output_from_msg
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

from tests.notebooks.messages import KernelDied, next_message

__all__ = ["Hangs", "Interrupted", "Kernel", "KernelDied", "Shown", "fresh_kernel"]

CELL_DEADLINE_S = 30.0
PROMPT_DEADLINE_S = 10.0
SHOWN = {"stream", "display_data", "execute_result", "error"}


class Hangs(Exception):
    """A cell did not end within its deadline."""


class Shown(NamedTuple):
    """What one run of a cell showed, the exception it ended with, and how long it took."""

    outputs: list[NotebookNode]
    error: str | None
    seconds: float


class Interrupted(NamedTuple):
    """How an interrupted cell ended, and how long its prompt took to come back.

    `lost` tells that the kernel is back but never said so: ipykernel forgets its answer when the
    signal reaches it before the first or after the last line of the cell.
    """

    error: str | None
    prompt_s: float
    lost: bool


class Kernel:
    """A kernel that runs; see `fresh_kernel`."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self._manager = manager
        self._client = client
        self._last = ""  # the first line of the last cell, for complaints

    @property
    def pid(self) -> int:
        return self._manager.provisioner.pid

    def run(self, source: str, deadline_s: float = CELL_DEADLINE_S) -> Shown:
        """Run a cell to its end; raise Hangs or KernelDied when there is none."""
        start = monotonic()
        outputs, error = self._finish(self._send(source), deadline_s)
        return Shown(outputs, error, monotonic() - start)

    def interrupt(self, source: str, after_s: float, limit_s: float) -> Interrupted:
        """Run a cell and interrupt it `after_s` seconds after it was begun.

        Raises Hangs when the kernel takes no further cell; a prompt that came after more than
        `limit_s` seconds is measured.
        """
        request = self._send(source)
        self._await_begin(request)
        sleep(after_s)
        start = monotonic()
        self._manager.interrupt_kernel()
        try:
            _, error = self._finish(request, limit_s)
            return Interrupted(error, monotonic() - start, lost=False)
        except Hangs:
            return self._late_or_lost(request, start)

    def ask(self, expression: str) -> Any:
        """Evaluate an expression whose value can be written as JSON."""
        asked = {"it": f"__import__('json').dumps({expression})"}
        request = self._client.execute("", silent=True, user_expressions=asked)
        answer = self._reply(request, CELL_DEADLINE_S)["user_expressions"]["it"]
        if answer["status"] == "error":
            raise RuntimeError("\n".join(answer["traceback"]))
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def _send(self, source: str) -> str:
        self._last = source.partition("\n")[0]
        return self._client.execute(source, allow_stdin=False, stop_on_error=False)

    def _await_begin(self, request: str) -> None:
        for message in self._messages(request, CELL_DEADLINE_S):
            if message["msg_type"] == "execute_input":
                return

    def _finish(self, request: str, deadline_s: float) -> tuple[list[NotebookNode], str | None]:
        shown = [m for m in self._messages(request, deadline_s) if m["msg_type"] in SHOWN]
        reply = self._reply(request, deadline_s)
        return [output_from_msg(message) for message in shown], reply.get("ename")

    def _late_or_lost(self, request: str, start: float) -> Interrupted:
        """Ask for the next prompt: by then the cell has answered, or never will."""
        following = self._client.execute("", silent=True)
        for message in self._messages(None, PROMPT_DEADLINE_S):
            parent = message["parent_header"].get("msg_id")
            if _is_idle(message) and parent in (request, following):
                lost = parent == following
                ended = monotonic()
                break
        self._reply(following, PROMPT_DEADLINE_S)
        return Interrupted(None, ended - start, lost)

    def _messages(self, request: str | None, deadline_s: float) -> Iterator[dict[str, Any]]:
        """Yield what answers a request until the kernel is idle (any request: without end)."""
        deadline = monotonic() + deadline_s
        while True:
            message = self._next("iopub", request, deadline)
            yield message
            if request is not None and _is_idle(message):
                return

    def _reply(self, request: str, deadline_s: float) -> dict[str, Any]:
        return self._next("shell", request, monotonic() + deadline_s)["content"]

    def _next(self, channel: str, request: str | None, deadline: float) -> dict[str, Any]:
        while True:
            left = max(0.0, deadline - monotonic())
            try:
                message = next_message(self._client, channel, self._manager.is_alive, left)
            except Empty:
                raise Hangs(self._last) from None
            except KernelDied:
                raise KernelDied(self._last) from None
            if request is None or message["parent_header"].get("msg_id") == request:
                return message


def _is_idle(message: dict[str, Any]) -> bool:
    return message["content"].get("execution_state") == "idle"


@contextmanager
def fresh_kernel(folder: Path, **environment: str) -> Iterator[Kernel]:
    """Start a kernel in `folder`, with variables added to its environment; end it on exit."""
    manager = KernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )
    manager.start_kernel(
        cwd=str(folder),
        env={**os.environ, **environment},
        extra_arguments=["--HistoryManager.enabled=False"],
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
