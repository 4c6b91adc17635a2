"""A kernel for tests: run a cell, interrupt a cell, evaluate an expression."""

import ast
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any, NamedTuple

import psutil
from jupyter_client import BlockingKernelClient, KernelManager
from nbformat import NotebookNode
from nbformat.v4 import output_from_msg

from tests.notebooks.kernels import KernelDied, next_message, started_kernel
from tests.notebooks.waits import Wait, chosen, watching

__all__ = ["Hangs", "Interrupted", "Kernel", "KernelDied", "Shown", "Wait", "fresh_kernel"]

CELL_DEADLINE_S = 30.0
ANSWER_DEADLINE_S = 3.0
SLICE_S = 0.2
WAITS_S = 0.05  # a cell that waits less than this in all is not interrupted
Deadline = Callable[[], float]
SHOWN = {"stream", "display_data", "execute_result", "error"}


class Hangs(Exception):
    """A cell did not end within its deadline."""


class Shown(NamedTuple):
    """What one run of a cell showed, its exception, its duration, and where it waited."""

    outputs: list[NotebookNode]
    error: str | None
    seconds: float
    waits: list[Wait]


class Interrupted(NamedTuple):
    """How an interrupted cell ended, and how long its prompt took to come back.

    `idle_s` is the part of `prompt_s` in which the kernel neither computed, such as IPython's
    colours for a traceback, nor waited for a core of a busy machine.
    """

    error: str | None
    prompt_s: float
    idle_s: float


class Kernel:
    """A kernel that runs; see `fresh_kernel`."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self._manager = manager
        self._client = client
        self._last = ""  # the first line of the last cell, for complaints

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._manager.provisioner.pid

    def run(self, source: str, deadline_s: float = CELL_DEADLINE_S) -> Shown:
        """Run a cell to its end; raise Hangs or KernelDied when there is none."""
        start = monotonic()
        request = self._send(source)
        outputs, error = self._finish(request, lambda: start + deadline_s)
        return Shown(outputs, error, monotonic() - start, [])

    def run_watched(self, source: str) -> Shown:
        """Run a cell to its end, and say in which waits an interrupt should strike."""
        request = self._send(source)
        self._await_begin(request)
        start = monotonic()
        with watching(self.pid) as watch:
            outputs, error = self._finish(request, lambda: start + CELL_DEADLINE_S)
            seconds = monotonic() - start
        waits = chosen(watch.waits, seconds) if watch.waited_s > WAITS_S else []
        return Shown(outputs, error, seconds, waits)

    def interrupt(self, source: str, wait: Wait) -> Interrupted | None:
        """Run a cell and interrupt it in one of its waits; None if it ended without that wait.

        Raises Hangs when the kernel takes no further cell.
        """
        request = self._send(source)
        self._await_begin(request)
        start = monotonic()
        with watching(self.pid, wait, self._press_ctrl_c) as watch:

            def deadline() -> float:
                struck_at = watch.struck_at
                return struck_at + ANSWER_DEADLINE_S if struck_at else start + CELL_DEADLINE_S

            _, error = self._finish(request, deadline)
            ended = monotonic()
        if watch.struck_at is None:
            return None
        prompt_s = ended - watch.struck_at
        return Interrupted(error, prompt_s, max(0.0, prompt_s - watch.busy_s()))

    def ask(self, expression: str) -> Any:
        """Evaluate an expression whose value can be written as JSON."""
        asked = {"it": f"__import__('json').dumps({expression})"}
        request = self._client.execute("", silent=True, user_expressions=asked)
        deadline = monotonic() + CELL_DEADLINE_S
        answer = self._reply(request, lambda: deadline)["user_expressions"]["it"]
        if answer["status"] == "error":
            raise RuntimeError("\n".join(answer["traceback"]))
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def _send(self, source: str) -> str:
        self._last = source.partition("\n")[0]
        return self._client.execute(source, allow_stdin=False, stop_on_error=False)

    def _press_ctrl_c(self, reached: bool) -> None:
        """Interrupt the kernel, unless it was reached, and what it started in its process group."""
        if not reached:
            self._manager.interrupt_kernel()
            return
        group = os.getpgid(self.pid)
        for child in psutil.Process(self.pid).children(recursive=True):
            with suppress(ProcessLookupError):
                if os.getpgid(child.pid) == group:
                    os.kill(child.pid, signal.SIGINT)

    def _await_begin(self, request: str) -> None:
        deadline = monotonic() + CELL_DEADLINE_S
        for message in self._messages(request, lambda: deadline):
            if message["msg_type"] == "execute_input":
                return

    def _finish(self, request: str, deadline: Deadline) -> tuple[list[NotebookNode], str | None]:
        shown = [m for m in self._messages(request, deadline) if m["msg_type"] in SHOWN]
        reply = self._reply(request, deadline)
        return [output_from_msg(message) for message in shown], reply.get("ename")

    def _messages(self, request: str, deadline: Deadline) -> Iterator[dict[str, Any]]:
        """Yield what answers a request until the kernel is idle."""
        while True:
            message = self._next("iopub", deadline)
            if message["parent_header"].get("msg_id") == request:
                yield message
                if message["content"].get("execution_state") == "idle":
                    return

    def _reply(self, request: str, deadline: Deadline) -> dict[str, Any]:
        while True:
            message = self._next("shell", deadline)
            if message["parent_header"].get("msg_id") == request:
                return message["content"]

    def _next(self, channel: str, deadline: Deadline) -> dict[str, Any]:
        """Return the next message; the deadline may come nearer while this waits."""
        while (left := deadline() - monotonic()) > 0:
            with suppress(Empty):
                try:
                    return next_message(
                        self._client, channel, self._manager.is_alive, min(left, SLICE_S)
                    )
                except KernelDied:
                    raise KernelDied(self._last) from None
        raise Hangs(self._last)


@contextmanager
def fresh_kernel(folder: Path, **environment: str) -> Iterator[Kernel]:
    """Start a kernel in `folder`, with variables added to its environment; end it on exit."""
    with started_kernel(folder, **environment) as (manager, client):
        yield Kernel(manager, client)
