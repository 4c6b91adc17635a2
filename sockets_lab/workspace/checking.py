"""Run the notebooks of a learner's copy, and report how far their exercises are.

Each notebook runs from its first cell to its last in a separate kernel, in memory: the learner's
file is read and never written. A cell that fails does not end the run, so that the exercises below
it are reported too; a cell that exceeds its time, or a kernel that dies, does.
"""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from sockets_lab.exercises.harness.report import REPORT_JSON
from sockets_lab.workspace.copies import chapters_of, sources_digest

__all__ = ["Checked", "Exercise", "Fault", "check_notebook", "notebooks_in"]

MEANT_TO_FAIL = "raises-exception"  # the tag of a cell that shows an error on purpose


class Fault(NamedTuple):
    """A cell that failed: its position among the code cells, its first line, and the error."""

    cell: int
    line: str
    error: str


class Exercise(NamedTuple):
    """An exercise's progress: behaviours shown of those tried, and the first failure's hint."""

    title: str
    shown: int
    tried: int
    note: str = ""
    missing: str = ""
    hint: str = ""

    @property
    def started(self) -> bool:
        """Return True if there was anything to try."""
        return self.tried > 0

    @property
    def complete(self) -> bool:
        """Return True if every behaviour that was tried is shown."""
        return 0 < self.tried == self.shown


class Checked(NamedTuple):
    """The result of one notebook; `stopped` says why it did not run to its end, or is empty."""

    file: str
    cells: int = 0
    ran: int = 0
    seconds: float = 0.0
    stopped: str = ""
    faults: tuple[Fault, ...] = ()
    exercises: tuple[Exercise, ...] = ()

    @property
    def runs(self) -> bool:
        """Return True if every cell ran, and none failed except on purpose."""
        return not self.stopped and not self.faults

    @property
    def passed(self) -> bool:
        """Return True if it runs, and every exercise that was started is complete."""
        return self.runs and all(one.complete for one in self.exercises if one.started)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            **self._asdict(),
            "faults": [fault._asdict() for fault in self.faults],
            "exercises": [
                {**one._asdict(), "started": one.started, "complete": one.complete}
                for one in self.exercises
            ],
            "runs": self.runs,
            "passed": self.passed,
        }


def notebooks_in(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the notebooks in `paths`, and those of the folders in `paths`, in order.

    Raises FileNotFoundError for a path that does not exist, and ValueError for a file or folder
    without notebooks.
    """
    return tuple(notebook for path in paths for notebook in _notebooks_at(path))


def _notebooks_at(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        found = chapters_of(path)
        if not found:
            raise ValueError(f"there are no notebooks in {str(path)!r}")
        return found
    if not path.exists():
        raise FileNotFoundError(
            f"{str(path)!r} does not exist; to make a copy of the course: sockets-lab open"
        )
    if path.suffix != ".ipynb":
        raise ValueError(f"{str(path)!r} is not a notebook: the name must end in .ipynb")
    return (path,)


def check_notebook(
    path: Path,
    *,
    timeout_s: int = 60,
    on_cell: Callable[[int, int], None] = lambda ran, cells: None,
) -> Checked:
    """Run a notebook in a separate kernel, which has ended afterwards; return the result.

    timeout_s: seconds that a cell may take; on_cell: called before each cell with its number and
    the number of all cells. Raises KeyboardInterrupt after ending the kernel when interrupted.
    """
    began = time.monotonic()
    try:
        notebook = _read(path)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        return Checked(path.name, stopped=f"cannot be read as a notebook: {_first_line(error)}")
    run = _Execution(notebook, path.parent, timeout_s, on_cell)
    stopped = run.to_the_end()
    return Checked(
        path.name,
        run.cells,
        run.ran,
        time.monotonic() - began,
        stopped,
        tuple(_faults(notebook)),
        tuple(_exercises(notebook)),
    )


def _read(path: Path) -> nbformat.NotebookNode:
    text = path.read_bytes()
    sources_digest(text)  # raises ValueError for input on which nbformat fails otherwise
    read: Callable[..., nbformat.NotebookNode] = nbformat.reads  # nbformat has no types
    return read(text.decode(), as_version=4)


class _Execution:
    """One run of a notebook, and its progress."""

    def __init__(
        self,
        notebook: nbformat.NotebookNode,
        folder: Path,
        timeout_s: int,
        on_cell: Callable[[int, int], None],
    ) -> None:
        self.cells = sum(1 for _ in _code_cells(notebook))
        self.ran = 0
        self.timeout_s, self.on_cell = timeout_s, on_cell
        self.client = _Client(
            notebook,
            allow_errors=True,
            timeout=timeout_s,
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
            on_cell_execute=self._count,
        )

    def _count(self, cell: object, cell_index: int) -> None:
        self.ran += 1
        self.on_cell(self.ran, self.cells)

    def to_the_end(self) -> str:
        """Run the cells; return why the run stopped before the last one, or nothing."""
        try:
            asyncio.run(self.client.async_execute())
        except CellTimeoutError:
            return f"cell {self.ran} did not finish within {self.timeout_s} s"
        except DeadKernelError:
            if self.client.interrupted:
                raise KeyboardInterrupt from None
            return f"the kernel died in cell {self.ran}"
        except (RuntimeError, OSError) as error:  # it did not start
            return f"the kernel did not start: {_first_line(error)}"
        return ""


class _Client(NotebookClient):
    """An nbclient whose kernel is this interpreter, and which records an interrupt.

    On Ctrl-C nbclient ends the kernel, which then looks like a kernel that died.
    """

    interrupted = False

    def create_kernel_manager(self) -> Any:
        manager: Any = super().create_kernel_manager()
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        command.append("--log-level=ERROR")  # its warnings are not for learners
        manager.kernel_spec.argv = command
        return manager

    @asynccontextmanager
    async def async_setup_kernel(self, **kwargs: Any) -> AsyncGenerator[None, None]:
        async with super().async_setup_kernel(**kwargs):
            with suppress(RuntimeError):  # Windows has no such handlers: Ctrl-C raises there
                asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
            yield

    def _interrupt(self) -> None:
        self.interrupted = True
        manager: Any = self.km
        self.ending = asyncio.ensure_future(manager.shutdown_kernel(now=True))


def _code_cells(notebook: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    return (cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip())


def _faults(notebook: nbformat.NotebookNode) -> Iterator[Fault]:
    for number, cell in enumerate(_code_cells(notebook), start=1):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors and MEANT_TO_FAIL not in cell.metadata.get("tags", ()):
            error = f"{errors[0].ename}: {_first_line(errors[0].evalue)}"
            yield Fault(number, _first_line(cell.source), error)


def _exercises(notebook: nbformat.NotebookNode) -> Iterator[Exercise]:
    """Yield the exercises from the reports in the outputs; the last report of a title counts."""
    reports = {
        report["title"]: report
        for cell in _code_cells(notebook)
        for output in cell.outputs
        if (report := output.get("data", {}).get(REPORT_JSON))
    }
    return map(_exercise, reports.values())


def _exercise(report: Mapping[str, Any]) -> Exercise:
    nothing: Mapping[str, str] = {}
    failed = next((one for one in report["results"] if one["passed"] is False), nothing)
    return Exercise(
        report["title"],
        report["shown"],
        report["tried"],
        report["note"],
        failed.get("name", ""),
        failed.get("hint", ""),
    )


def _first_line(thing: object) -> str:
    lines = (line.strip() for line in str(thing).splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")
