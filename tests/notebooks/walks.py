"""Walks through a whole notebook, cell by cell, each hard on it in its own way.

A walk returns what it found, in words; the tests hold it to nothing found. Walks are kept, so
that several tests can ask about the same one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import ndiff
from functools import cache
from pathlib import Path

from nbformat import NotebookNode

from sockets_lab.capabilities import SWITCH
from tests.notebooks.driver import (
    Hangs,
    Interrupted,
    Kernel,
    KernelDied,
    Shown,
    Wait,
    fresh_kernel,
)
from tests.notebooks.rules import code_cells, comparable, is_exempt, may_raise, read
from tests.notebooks.solutions import Exercise, exercises, report, solution_code
from tests.notebooks.watched import close_lost, left_since, look, watched

__all__ = ["PROMPT_LIMIT_S", "Interrupts", "Twice", "interrupted", "twice", "without"]

# What IPython computes to colour a traceback takes as long as the machine takes; what counts is
# that the cell waits no longer.
PROMPT_LIMIT_S = 1.0
HANG_S = 10.0
# IPython names the end NoneType when the signal meets it while it shows the result.
CALM_ENDS = {None, "KeyboardInterrupt", "CancelledError", "NoneType"}


@dataclass
class Twice:
    """Every cell run twice in a row, and every solution put through its check."""

    cells: int = 0
    complaints: list[str] = field(default_factory=list)
    solved: int = 0
    unsolved: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@dataclass
class Interrupts:
    """Every cell that waits, interrupted once in each of its waits and then run to its end."""

    cells: int = 0
    prompts: list[Interrupted] = field(default_factory=list)
    missed: int = 0  # waits that the cell did not come to when it was run again
    complaints: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def twice(path: Path) -> Twice:
    """Run every cell twice in a row, and each exercise's solution through its check."""
    return _walked(path)[0]


def interrupted(path: Path) -> Interrupts:
    """Interrupt every cell in each of its waits, and run it once more to its end."""
    return _walked(path)[1]


@cache
def _walked(path: Path) -> tuple[Twice, Interrupts]:
    """Run each cell twice, then interrupt it, all in one kernel.

    One kernel is enough for both: a cell that was interrupted must end as the same cell did before,
    so the cells after it find what they found in a walk without interrupts. The comparison with the
    saved outputs needs a fresh kernel, in which each cell runs once: nbval starts that one.
    """
    notebook = read(path)
    solvable = {id(one.check): one for one in exercises(notebook)}
    walk, interrupts = Twice(), Interrupts()
    left: list[str] = []
    with watched(path, walk.complaints, left) as kernel:
        for number, cell in enumerate(code_cells(notebook), start=1):
            usual = _run_twice(walk, kernel, number, cell)
            if id(cell) in solvable:
                walk.solved += 1
                walk.unsolved += _try_solution(kernel, solvable[id(cell)])
            if usual.waits:
                _interrupt_waits(interrupts, kernel, number, cell, usual)
    walk.left += left
    interrupts.left += left
    return walk, interrupts


def _run_twice(walk: Twice, kernel: Kernel, number: int, cell: NotebookNode) -> Shown:
    first = kernel.run(cell.source)
    second = kernel.run_watched(cell.source)
    walk.cells += 1
    found = [*_untoward(cell, first), *_untoward(cell, second), *_unlike(cell, first, second)]
    walk.complaints += [f"cell {number}: {words}" for words in found]
    return second


def _interrupt_waits(
    walk: Interrupts, kernel: Kernel, number: int, cell: NotebookNode, usual: Shown
) -> None:
    before = look(kernel)
    complaints = [*_interrupt(walk, kernel, cell, usual)]
    walk.cells += 1
    walk.complaints += [f"cell {number}: {words}" for words in complaints]
    walk.left += [f"cell {number}: {words}" for words in left_since(kernel, before)]


def _interrupt(walk: Interrupts, kernel: Kernel, cell: NotebookNode, usual: Shown) -> Iterator[str]:
    for wait in usual.waits:
        prompt = kernel.interrupt(cell.source, wait)
        close_lost(kernel)
        if prompt is None:
            walk.missed += 1
        else:
            walk.prompts.append(prompt)
            yield from _unhandy(usual, prompt, wait)
    last = kernel.run(cell.source)
    yield from _untoward(cell, last)
    yield from _unlike(cell, usual, last)


@cache
def without(path: Path, cases: tuple[tuple[str, ...], ...]) -> list[list[str]]:
    """Run a notebook once for each case, a set of capabilities to switch off; name what fails.

    One kernel does them all, with its variables cleared in between: what a machine can do is asked
    for at each use, so that starting anew would only import everything again.
    """
    found: list[list[str]] = []
    while len(found) < len(cases):
        with fresh_kernel(path.parent) as kernel:
            try:
                for capabilities in cases[len(found) :]:
                    found.append([])
                    kernel.ask(
                        f"__import__('os').environ.update({SWITCH}={','.join(capabilities)!r})"
                    )
                    found[-1] += _failures(kernel, path)
                    kernel.run("%reset -f")
            except (Hangs, KernelDied) as error:
                found[-1].append(f"{type(error).__name__} at {str(error)!r}: the rest was not run")
    return found


def _failures(kernel: Kernel, path: Path) -> Iterator[str]:
    for number, cell in enumerate(code_cells(read(path)), start=1):
        for words in _untoward(cell, kernel.run(cell.source)):
            yield f"cell {number}: {words}"


def _untoward(cell: NotebookNode, shown: Shown) -> Iterator[str]:
    """Complain of an exception that the cell is not there to show, and of leaked sockets."""
    if shown.error and not may_raise(cell):
        error = next(output for output in shown.outputs if output.output_type == "error")
        yield f"{error.ename}: {error.evalue}"
    for output in shown.outputs:
        if "ResourceWarning" in output.get("text", ""):
            yield f"never closed: {output.text}"


def _unlike(cell: NotebookNode, one: Shown, other: Shown) -> Iterator[str]:
    """Complain when two runs of a cell show different things."""
    before, after = comparable(one.outputs), comparable(other.outputs)
    if before != after and not is_exempt(cell):
        lines = ndiff(_as_lines(before), _as_lines(after))
        yield "shows something else when run again:\n" + "\n".join(
            line for line in lines if not line.startswith("  ")
        )


def _as_lines(contents: list[tuple[str, object]]) -> list[str]:
    return [f"{kind}: {line}" for kind, value in contents for line in str(value).splitlines()]


def _unhandy(usual: Shown, prompt: Interrupted, wait: Wait) -> Iterator[str]:
    if prompt.idle_s > PROMPT_LIMIT_S or prompt.prompt_s > HANG_S:
        yield f"interrupted in {wait}, its prompt came after {prompt.prompt_s:.1f} s"
    if prompt.error not in CALM_ENDS | {usual.error}:
        yield f"interrupted in {wait}, it ended in {prompt.error}"


def _try_solution(kernel: Kernel, exercise: Exercise) -> Iterator[str]:
    """Run the solution in place of the learner's code, check it, and run the starter again."""
    kernel.run(solution_code(exercise.solution))
    outcome = report(kernel.run(exercise.check.source).outputs)
    if outcome is None:
        yield "the check shows no report"
    elif not outcome["passed"]:
        yield f"the solution does not pass: {outcome}"
    kernel.run(exercise.starter.source)
