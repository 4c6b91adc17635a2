"""A kernel driven by hand: run a cell, interrupt a cell, ask what is there."""

import ast
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from time import monotonic, sleep
from typing import Any, NamedTuple

from jupyter_client import BlockingKernelClient, KernelManager
from nbformat import NotebookNode
from nbformat.v4 import output_from_msg

from tests.notebooks.kernels import KernelDied, next_message, started_kernel

__all__ = ["Hangs", "Interrupted", "Kernel", "KernelDied", "Shown", "fresh_kernel"]

CELL_DEADLINE_S = 30.0
ANSWER_DEADLINE_S = 3.0
ASLEEP_S = 0.002  # waiting for the GIL, or for a thread to begin, is over sooner
NEVER_SLEEPS_S = 0.05
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
    signal reaches it before the first or after the last line of the cell. `computed_s` is how much
    of `prompt_s` the kernel spent computing, such as IPython's colours for a traceback.
    """

    error: str | None
    prompt_s: float
    lost: bool
    computed_s: float


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

    def interrupt(self, source: str, after_s: float) -> Interrupted:
        """Run a cell and interrupt it where it next waits, `after_s` seconds after it was begun.

        A cell that never waits is interrupted where it is. The time in which a busy machine gave
        the kernel no core does not count. Raises Hangs when the kernel takes no further cell.
        """
        request = self._send(source)
        self._await_begin(request)
        sleep(after_s)
        self._await_sleep()
        computed_s, waited_s = self._schedule()
        start = monotonic() - waited_s
        self._manager.interrupt_kernel()
        try:
            _, error = self._finish(request, ANSWER_DEADLINE_S)
            lost = False
        except Hangs:
            error, lost = None, self._is_lost(request)
        computed, waited_s = self._schedule()
        return Interrupted(error, monotonic() - waited_s - start, lost, computed - computed_s)

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

    def _is_lost(self, request: str) -> bool:
        """Ask for the next prompt: by then the cell has answered, or never will."""
        following = self._client.execute("", silent=True)
        ended = (
            m["parent_header"].get("msg_id") for m in self._any(CELL_DEADLINE_S) if _is_idle(m)
        )
        lost = next(parent for parent in ended if parent in (request, following)) == following
        self._reply(following, CELL_DEADLINE_S)
        return lost

    def _await_sleep(self) -> None:
        """Wait until the kernel's main thread sleeps, and soundly (Linux).

        What a cell leaves behind is asked about its waits. A signal between two bytecodes of the
        library, where a socket is made and stands in no variable yet, loses it for everybody.
        """
        deadline = monotonic() + NEVER_SLEEPS_S
        before = None
        while monotonic() < deadline:
            now = self._turns_if_asleep()
            if now is not None and now == before:
                return
            before = now
            sleep(ASLEEP_S)

    def _turns_if_asleep(self) -> str | None:
        """Count how often the main thread was given a core, if it has none and wants none."""
        state = self._of_main_thread("stat").rpartition(")")[2].split()
        return self._schedstat()[2] if state[:1] == ["S"] else None

    def _schedule(self) -> tuple[float, float]:
        """Seconds for which the kernel's main thread ran, and waited for a core (Linux)."""
        ran, waited, _ = self._schedstat()
        return int(ran) / 1e9, int(waited) / 1e9

    def _schedstat(self) -> list[str]:
        return self._of_main_thread("schedstat").split() or ["0", "0", "0"]

    def _of_main_thread(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.pid}/task/{self.pid}/{name}").read_text()
        except FileNotFoundError:
            return ""

    def _messages(self, request: str, deadline_s: float) -> Iterator[dict[str, Any]]:
        """Yield what answers a request until the kernel is idle."""
        for message in self._any(deadline_s):
            if message["parent_header"].get("msg_id") == request:
                yield message
                if _is_idle(message):
                    return

    def _any(self, deadline_s: float) -> Iterator[dict[str, Any]]:
        deadline = monotonic() + deadline_s
        while True:
            yield self._next("iopub", deadline)

    def _reply(self, request: str, deadline_s: float) -> dict[str, Any]:
        deadline = monotonic() + deadline_s
        while True:
            message = self._next("shell", deadline)
            if message["parent_header"].get("msg_id") == request:
                return message["content"]

    def _next(self, channel: str, deadline: float) -> dict[str, Any]:
        left = max(0.0, deadline - monotonic())
        try:
            return next_message(self._client, channel, self._manager.is_alive, left)
        except Empty:
            raise Hangs(self._last) from None
        except KernelDied:
            raise KernelDied(self._last) from None


def _is_idle(message: dict[str, Any]) -> bool:
    return message["content"].get("execution_state") == "idle"


@contextmanager
def fresh_kernel(folder: Path, **environment: str) -> Iterator[Kernel]:
    """Start a kernel in `folder`, with variables added to its environment; end it on exit."""
    with started_kernel(folder, **environment) as (manager, client):
        yield Kernel(manager, client)
