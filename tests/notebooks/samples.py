"""Small notebooks made by tests, most of them wrong in one way."""

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks.rules import code_cells

__all__ = ["code", "picture", "printed", "raised", "text", "write"]

KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


def code(source: str, *outputs: NotebookNode, tags: Iterable[str] = ()) -> NotebookNode:
    """Make a code cell with its saved outputs."""
    return new_code_cell(source, outputs=list(outputs), metadata=_tagged(tags))


def text(source: str, tags: Iterable[str] = ()) -> NotebookNode:
    """Make a Markdown cell."""
    return new_markdown_cell(source, metadata=_tagged(tags))


def printed(words: str) -> NotebookNode:
    """Make the output of a print."""
    return new_output("stream", name="stdout", text=words)


def picture(words: str) -> NotebookNode:
    """Make the output of a picture that carries these words."""
    html = f'<img alt="{words}" src="data:image/png;base64,c2F2ZWQ=">'
    return new_output("display_data", data={"text/html": html, "text/plain": words})


def raised(name: str, message: str) -> NotebookNode:
    """Make the output of an exception."""
    return new_output("error", ename=name, evalue=message, traceback=[])


def write(path: Path, *cells: NotebookNode, counted: bool = True) -> Path:
    """Save a notebook of these cells, its code counted 1..n as after a clean run."""
    copies = [deepcopy(cell) for cell in cells]
    for number, cell in enumerate(copies, start=1):
        cell.id = f"cell-{number}"
    notebook = new_notebook(cells=copies, metadata={"kernelspec": KERNEL})
    for number, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = number if counted else None
    nbformat.write(notebook, path)
    return path


def _tagged(tags: Iterable[str]) -> dict[str, list[str]]:
    return {"tags": list(tags)} if tags else {}
