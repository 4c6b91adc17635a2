"""What the rules of validation say about one notebook, one cell or one output."""

import re
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbval.plugin import (
    coalesce_streams,
    find_comment_markers,
    find_metadata_tags,
    get_sanitize_patterns,
)

from sockets_lab.capabilities import CAPABILITIES, capability

__all__ = [
    "NOTEBOOKS",
    "ROOT",
    "all_notebooks",
    "code_cells",
    "comparable",
    "course_notebooks",
    "hold_empty",
    "is_exempt",
    "lacking",
    "may_raise",
    "needs",
    "read",
    "sanitized",
    "tags",
]

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
SANITIZE = get_sanitize_patterns((ROOT / "tests" / "notebooks" / "sanitize.cfg").read_text())

# Every notebook runs in some front end, so no cell needs one.
TAGGABLE = tuple(name for name in CAPABILITIES if name != "front-end")

# nbval compares neither of these: widget models are numbered at random, pixels are measured anew.
NOT_COMPARED = {"application/vnd.jupyter.widget-view+json", "image/png", "image/jpeg"}


def all_notebooks() -> list[Path]:
    """List the notebooks of the repository, in their order."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def course_notebooks() -> list[Path]:
    """List the chapters among them."""
    return [path for path in all_notebooks() if path.name[:2].isdigit()]


def read(path: Path) -> NotebookNode:
    """Read a notebook in today's format."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Keep the cells that hold code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: NotebookNode) -> tuple[str, ...]:
    """Read a cell's tags."""
    return tuple(cell.metadata.get("tags", ()))


def needs(cell: NotebookNode) -> tuple[str, ...]:
    """Name the capabilities that a cell's `needs-…` tags ask for; ValueError for an unknown one."""
    names = tuple(tag.removeprefix("needs-") for tag in tags(cell) if tag.startswith("needs-"))
    for name in names:
        if name not in TAGGABLE:
            known = ", ".join(f"needs-{one}" for one in TAGGABLE)
            raise ValueError(f"unknown tag {f'needs-{name}'!r}; there are {known}")
    return names


def lacking(cell: NotebookNode) -> list[str]:
    """Say for each capability that a cell needs and this machine lacks: its tag and why."""
    asked = [capability(name) for name in needs(cell)]
    return [f"needs-{one.name}: {one.lacking}" for one in asked if not one.has]


def is_exempt(cell: NotebookNode) -> bool:
    """Return True if a tag or comment keeps nbval from comparing this cell's output."""
    options = dict(find_metadata_tags(cell.metadata)) | dict(find_comment_markers(cell.source))
    return not options.get("check", True)


def may_raise(cell: NotebookNode) -> bool:
    """Return True if an exception is what this cell wants to show."""
    return "raises-exception" in tags(cell)


def sanitized(value: Any) -> Any:
    """Blank what tests/notebooks/sanitize.cfg blanks in a text; leave anything else as it is."""
    if isinstance(value, str):
        for pattern, replacement in SANITIZE:
            value = re.sub(pattern, replacement, value)
    return value


def comparable(outputs: Iterable[NotebookNode]) -> list[tuple[str, Any]]:
    """Reduce outputs to what nbval compares: (kind, content) in the order shown.

    nbval joins the pieces of a stream in the first of them, so it is given copies.
    """
    joined = coalesce_streams(deepcopy(list(outputs)))
    return [pair for output in joined for pair in _contents(output)]


def hold_empty(path: Path, complaints: Iterable[str]) -> None:
    """Fail a test with the complaints about a notebook; nothing else is worth reading there."""
    named = [f"{path.stem} {words}" for words in complaints]
    if named:
        pytest.fail("\n".join(named), pytrace=False)


def _contents(output: NotebookNode) -> list[tuple[str, Any]]:
    if output.output_type == "stream":
        return [(output.name, sanitized(output.text))]
    if output.output_type == "error":
        return [("error", f"{output.ename}: {sanitized(output.evalue)}")]
    kept = sorted(output.data.keys() - NOT_COMPARED)
    return [(kind, sanitized(output.data[kind])) for kind in kept]
