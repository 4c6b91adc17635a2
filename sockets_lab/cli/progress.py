"""Show progress: a moving line on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console

__all__ = ["Progress", "Steps", "working"]


def _errors() -> Console:
    return Console(stderr=True, highlight=False)


@contextmanager
def working(words: str) -> Iterator[None]:
    """Show that something takes a moment, on a terminal only."""
    console = _errors()
    if not console.is_terminal:
        yield
        return
    with console.status(words):
        yield


class Progress:
    """Progress of a run of notebooks; a context manager."""

    def __init__(self, notebooks: int) -> None:
        self.notebooks, self.begun = notebooks, 0
        self.console = _errors()
        self.bar = progress.Progress(
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TextColumn("cell {task.completed} of {task.total}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def begin(self, name: str) -> Callable[[int, int], None]:
        """Show the next notebook; return a function that takes the cell's number and the total."""
        self.begun += 1
        words = f"{self.begun} of {self.notebooks}: {name}"
        if not self.console.is_terminal:
            self.console.print(words, markup=False)
        for task in self.bar.task_ids:
            self.bar.remove_task(task)
        task = self.bar.add_task(words, total=None, completed=0)
        return lambda cell, cells: self.bar.update(task, completed=cell, total=cells)


class Steps:
    """Progress of a benchmark; a context manager."""

    def __init__(self) -> None:
        self.console = _errors()
        self.bar = progress.Progress(
            progress.SpinnerColumn(),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.description}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task("starting", total=None)
        self.last_tenth = -1

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def show(self, words: str, done: int, of: int) -> None:
        """Show the next step; without a terminal, print a line every tenth of the way."""
        self.bar.update(self.task, description=words, completed=done, total=of)
        if not self.console.is_terminal and (tenth := 10 * done // of) > self.last_tenth:
            self.last_tenth = tenth
            self.console.print(f"{done} of {of}: {words}", markup=False)
