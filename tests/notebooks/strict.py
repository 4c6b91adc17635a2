"""A pytest plugin that closes nbval's gaps, and says at the end what was not compared.

nbval alone waits for a dead kernel until the cell's timeout, runs on after a cell that hung, and
lets a notebook that was saved without its outputs pass.
"""

import os
import pickle
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, bcolors, nocolors

from tests.notebooks.kernels import KernelDied, next_message, started_kernel
from tests.notebooks.rules import is_exempt, lacking, needs

__all__ = ["Tally"]

AFTER_INTERRUPT_S = 3.0


@dataclass
class Tally:
    """What validation did, for the summary at the end of the run."""

    notebooks: set[str] = field(default_factory=set)
    compared: int = 0
    exempt: list[str] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    slowest_prompt_s: float = 0.0

    def add(self, what: str, count: int) -> None:
        self.counts[what] += count

    def slowest(self, prompts_s: Iterable[float]) -> None:
        self.slowest_prompt_s = max([self.slowest_prompt_s, *prompts_s])

    def join(self, other: "Tally") -> None:
        """Add what another process validated."""
        self.notebooks |= other.notebooks
        self.compared += other.compared
        self.exempt += other.exempt
        self.not_compared += other.not_compared
        self.counts.update(other.counts)
        self.slowest([other.slowest_prompt_s])


TALLY = pytest.StashKey[Tally]()
GIVEN_UP = pytest.StashKey[str]()


class WatchedKernel(RunningKernel):
    """nbval's kernel, which notices that it died and does not wait long after an interrupt."""

    give_up_at = float("inf")

    def __init__(self, folder: Path) -> None:
        self._open = ExitStack()
        self.km, self.kc = self._open.enter_context(started_kernel(folder))
        self._ensure_iopub_up()

    def stop(self) -> None:
        self._open.close()
        del self.km

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        left = self.give_up_at - monotonic()
        wait = min(left, AFTER_INTERRUPT_S if timeout is None else timeout)
        return next_message(self.kc, stream, self.is_alive, wait)

    def interrupt(self) -> None:
        self.give_up_at = monotonic() + AFTER_INTERRUPT_S
        super().interrupt()


class StrictNotebook(IPyNbFile):
    """nbval's notebook, run in this interpreter by a kernel that is watched."""

    def setup(self) -> None:
        self.kernel = WatchedKernel(self.path.parent)
        self.setup_sanitize_files()

    def collect(self) -> Iterator["StrictCell"]:
        for number, cell in enumerate(super().collect(), start=1):
            yield StrictCell.from_parent(
                self,
                name=f"cell {number}",
                cell_num=number,
                cell=cell.cell,
                options=cell.options,
            )


class StrictCell(IPyNbCell):
    """nbval's cell, numbered from 1 as its prompt is, and held to what a saved cell must have."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.colors = bcolors if self.config.get_terminal_writer().hasmarkup else nocolors
        self.output_timeout = AFTER_INTERRUPT_S

    @property
    def place(self) -> str:
        return f"{self.path.stem} {self.name}"

    def setup(self) -> None:
        if GIVEN_UP in self.parent.stash:
            pytest.skip(f"not run: {self.parent.stash[GIVEN_UP]}")

    def runtest(self) -> None:
        self._obey_rules()
        self._count()
        if not self.parent.kernel.is_alive():
            self._give_up(f"kernel died before {self.place}")
        try:
            super().runtest()
        except KernelDied:
            self._give_up(f"kernel died in {self.place}")
        finally:
            if self.parent.timed_out:
                self.parent.stash[GIVEN_UP] = f"{self.place} hung"

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.cell_num, self.place

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        details = str(super().repr_failure(excinfo)).partition("Input:")[2]
        return f"{self.place}: {excinfo.value}\n\nInput:{details}"

    def _obey_rules(self) -> None:
        if self.cell.execution_count is None:
            self.raise_cell_error("saved without its output, so nothing would be compared")
        try:
            needs(self.cell)
        except ValueError as error:
            self.raise_cell_error(str(error))

    def _count(self) -> None:
        tally = self.config.stash[TALLY]
        tally.notebooks.add(self.path.stem)
        missing = "; ".join(lacking(self.cell))
        if is_exempt(self.cell):
            tally.exempt.append(f"{self.place} ({missing})" if missing else self.place)
        elif missing:
            self.options["check"] = False
            tally.not_compared.append(f"{self.place} ({missing})")
        else:
            tally.compared += 1

    def _give_up(self, why: str) -> None:
        self.parent.stash[GIVEN_UP] = why
        self.parent.kernel.stop()
        self.raise_cell_error(why)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: Any) -> Iterator[None]:
    found = yield
    return [
        StrictNotebook.from_parent(parent, path=file_path) if type(one) is IPyNbFile else one
        for one in found
    ]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = Tally()
    # A learner's own profile and history stay out of the run, and the run out of them.
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="ipython-")


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ.pop("IPYTHONDIR"), ignore_errors=True)


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """Collect what the summary says at the end."""
    return pytestconfig.stash[TALLY]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tally"] = pickle.dumps(session.config.stash[TALLY])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    if "tally" in getattr(node, "workeroutput", {}):  # not from one that crashed
        node.config.stash[TALLY].join(pickle.loads(node.workeroutput["tally"]))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    lines = _summary(config.stash[TALLY])
    if lines:
        terminalreporter.section("notebooks")
        for line in lines:
            terminalreporter.line(line)


def _summary(tally: Tally) -> list[str]:
    lines = [f"{what}: {count}" for what, count in tally.counts.items()]
    if tally.slowest_prompt_s:
        lines.append(
            f"slowest prompt after an interrupt: {tally.slowest_prompt_s:.2f} s without work"
        )
    if tally.notebooks:
        lines.append(f"compared: {tally.compared} cells of {len(tally.notebooks)} notebooks")
        lines.append(f"exempt from comparison: {len(tally.exempt)} cells")
        lines += [f"  {place}" for place in tally.exempt]
    lines += [f"not compared here: {place}" for place in tally.not_compared]
    return lines
