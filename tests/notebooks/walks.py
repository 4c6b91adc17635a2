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
from tests.notebooks.driver import Interrupted, Kernel, Shown, fresh_kernel
from tests.notebooks.rules import code_cells, comparable, is_exempt, may_raise, read
from tests.notebooks.solutions import Exercise, exercises, report, solution_code
from tests.notebooks.watched import close_lost, left_since, look, watched

__all__ = ["PROMPT_LIMIT_S", "Interrupts", "Twice", "interrupted", "twice", "without"]

# What IPython computes to colour a traceback takes as long as the machine takes; what counts is
# that the cell waits no longer.
PROMPT_LIMIT_S = 1.0
HANG_S = 10.0
STAGES_S = (0.005, 0.02, 0.06)
WAITS_S = 0.1
# IPython names the end NoneType when the signal meets it while it shows the result.
CALM_ENDS = {None, "KeyboardInterrupt", "CancelledError", "NoneType"}


@dataclass
class Twice:
    """Every cell run twice in a row, and every solution put through its check."""

    seconds: list[float] = field(default_factory=list)  # of each cell's second run
    complaints: list[str] = field(default_factory=list)
    solved: int = 0
    unsolved: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@dataclass
class Interrupts:
    """Every cell that waits, interrupted at several moments and then run to its end."""

    cells: int = 0
    prompts: list[Interrupted] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@cache
def twice(path: Path) -> Twice:
    """Run every cell twice in a row, and each exercise's solution through its check."""
    notebook = read(path)
    solvable = {id(one.check): one for one in exercises(notebook)}
    walk = Twice()
    with watched(path, walk.complaints, walk.left) as kernel:
        for number, cell in enumerate(code_cells(notebook), start=1):
            first = kernel.run(cell.source)
            second = kernel.run(cell.source)
            walk.seconds.append(second.seconds)
            found = [
                *_untoward(cell, first),
                *_untoward(cell, second),
                *_unlike(cell, first, second),
            ]
            walk.complaints += [f"cell {number}: {words}" for words in found]
            if id(cell) in solvable:
                walk.solved += 1
                walk.unsolved += _try_solution(kernel, solvable[id(cell)])
    return walk


@cache
def interrupted(path: Path) -> Interrupts:
    """Interrupt every cell that waits at several moments, and run it once more to its end."""
    walk = Interrupts()
    lengths = twice(path).seconds
    with watched(path, walk.complaints, walk.left) as kernel:
        for number, cell in enumerate(code_cells(read(path)), start=1):
            first = kernel.run(cell.source)
            moments = _moments(lengths[number - 1]) if number <= len(lengths) else []
            if moments:
                before = look(kernel)
                complaints = [*_interrupt(walk, kernel, cell, first, moments)]
                walk.cells += 1
                walk.complaints += [f"cell {number}: {words}" for words in complaints]
                walk.left += [f"cell {number}: {words}" for words in left_since(kernel, before)]
    return walk


def _interrupt(
    walk: Interrupts, kernel: Kernel, cell: NotebookNode, usual: Shown, moments: list[float]
) -> Iterator[str]:
    for after_s in moments:
        prompt = kernel.interrupt(cell.source, after_s)
        close_lost(kernel)
        walk.prompts.append(prompt)
        yield from _unhandy(usual, prompt, after_s)
    last = kernel.run(cell.source)
    yield from _untoward(cell, last)
    yield from _unlike(cell, usual, last)


def without(path: Path, capabilities: tuple[str, ...]) -> list[str]:
    """Run a notebook where these capabilities are switched off; name the cells that fail."""
    complaints: list[str] = []
    with fresh_kernel(path.parent, **{SWITCH: ",".join(capabilities)}) as kernel:
        for number, cell in enumerate(code_cells(read(path)), start=1):
            found = _untoward(cell, kernel.run(cell.source))
            complaints += [f"cell {number}: {words}" for words in found]
    return complaints


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


def _moments(seconds: float) -> list[float]:
    """Choose when to interrupt a cell that takes so long: early on, and halfway."""
    moments = {*STAGES_S, seconds / 2} if seconds > WAITS_S else set()
    return sorted(moment for moment in moments if moment < seconds - WAITS_S / 2)


def _unhandy(usual: Shown, prompt: Interrupted, after_s: float) -> Iterator[str]:
    when = f"interrupted after {after_s * 1000:.0f} ms"
    idle_s = prompt.prompt_s - prompt.computed_s
    if not prompt.lost and (idle_s > PROMPT_LIMIT_S or prompt.prompt_s > HANG_S):
        yield f"{when}, its prompt came after {prompt.prompt_s:.1f} s"
    if prompt.error not in CALM_ENDS | {usual.error}:
        yield f"{when}, it ended in {prompt.error}"


def _try_solution(kernel: Kernel, exercise: Exercise) -> Iterator[str]:
    """Put the solution where the learner's code stands, check it, and put the starter back."""
    kernel.run(solution_code(exercise.solution))
    outcome = report(kernel.run(exercise.check.source).outputs)
    if outcome is None:
        yield "the check shows no report"
    elif not outcome["passed"]:
        yield f"the solution does not pass: {outcome}"
    kernel.run(exercise.starter.source)
