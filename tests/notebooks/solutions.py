"""The exercises of a notebook: the learner's starting point, the check and the hidden solution.

The three cells carry the tags `exercise`, `check` and `solution`; an exercise reaches from its
first cell to the next exercise. The solution is the Python block inside `<details>`.
"""

import re
from itertools import pairwise
from typing import Any, NamedTuple

from nbformat import NotebookNode

from tests.notebooks.rules import tags

__all__ = ["Exercise", "exercises", "report", "solution_code"]

TAGS = ("exercise", "check", "solution")
REPORT = "application/vnd.sockets-lab.report+json"
DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


class Exercise(NamedTuple):
    """The cells of one exercise."""

    starter: NotebookNode
    check: NotebookNode
    solution: NotebookNode


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """Group a notebook's exercise cells, in their order; ValueError when one is missing."""
    starts = [n for n, cell in enumerate(notebook.cells) if "exercise" in tags(cell)]
    groups = [notebook.cells[n:end] for n, end in pairwise([*starts, len(notebook.cells)])]
    return [Exercise(*(_tagged(group, tag) for tag in TAGS)) for group in groups]


def solution_code(cell: NotebookNode) -> str:
    """Take the Python block out of a solution's `<details>`; ValueError when there is not one."""
    blocks = BLOCK.findall("".join(DETAILS.findall(cell.source)))
    if len(blocks) != 1:
        raise ValueError(f"a solution holds one ```python block in <details>, not {len(blocks)}")
    return blocks[0]


def report(outputs: list[NotebookNode]) -> dict[str, Any] | None:
    """Find the report of a check among a cell's outputs."""
    found = [output.data[REPORT] for output in outputs if REPORT in output.get("data", {})]
    return found[-1] if found else None


def _tagged(cells: list[NotebookNode], tag: str) -> NotebookNode:
    found = [cell for cell in cells if tag in tags(cell)]
    if len(found) != 1:
        raise ValueError(f"an exercise has one cell tagged {tag!r}, not {len(found)}")
    return found[0]
