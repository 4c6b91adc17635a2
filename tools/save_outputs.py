"""Run notebooks and save their outputs, clean: `python -m tools.save_outputs [NOTEBOOK ...]`.

Each notebook runs from its first cell to its last in a fresh kernel. It is written only when that
run is fit to be compared with: no error but those a cell is there to show, nothing on stderr, no
path of this machine, no capability missing. A notebook that says the same as before keeps its old
pictures and measured numbers, so that a diff shows what has changed; `--anew` writes these, too.
"""

import argparse
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from time import monotonic

import nbformat
from nbformat import NotebookNode
from nbval.plugin import coalesce_streams

from tests.notebooks.driver import Hangs, KernelDied, fresh_kernel
from tests.notebooks.form import has_calm_outputs
from tests.notebooks.rules import (
    ROOT,
    all_notebooks,
    code_cells,
    is_exempt,
    lacking,
    may_raise,
    read,
    sanitized,
)

__all__ = ["Refused", "refresh"]

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
KEPT_METADATA = {"tags", "collapsed", "jupyter", "editable", "deletable"}
# A widget cannot be shown without the kernel that made it; its words are beside it.
DROPPED = {"application/vnd.jupyter.widget-view+json"}


class Refused(Exception):
    """A run is not fit to be saved; the message says why, a line for each reason."""


def refresh(path: Path, *, anew: bool = False) -> bool:
    """Run a notebook and save its outputs; return True if the file was written.

    Raises Refused, and leaves the file alone, when the run is not fit to be saved.
    """
    saved = read(path)
    missing = [f"cell {n}: {words}" for n, words in _missing(saved)]
    if missing:
        raise Refused("\n".join(["this machine cannot make its outputs", *missing]))
    fresh = deepcopy(saved)
    if code_cells(fresh):
        _run(fresh, path.parent)
    _clean(fresh, path)
    complaints = list(has_calm_outputs(fresh, path))
    if complaints:
        raise Refused("\n".join(complaints))
    if not anew and _essence(fresh) == _essence(saved):
        return False
    _write(fresh, path)
    return True


def _missing(notebook: NotebookNode) -> Iterator[tuple[int, str]]:
    for number, cell in enumerate(code_cells(notebook), start=1):
        for words in lacking(cell):
            yield number, words


def _run(notebook: NotebookNode, folder: Path) -> None:
    """Run every code cell and put its outputs and its count into it."""
    with (
        tempfile.TemporaryDirectory() as profile,
        fresh_kernel(folder, IPYTHONDIR=profile) as kernel,
    ):
        for number, cell in enumerate(code_cells(notebook), start=1):
            try:
                shown = kernel.run(cell.source)
            except (Hangs, KernelDied) as error:
                raise Refused(f"cell {number}: {type(error).__name__}") from error
            cell.execution_count = number
            cell.outputs = coalesce_streams(shown.outputs)
            if shown.error and not may_raise(cell):
                raise Refused(f"cell {number}:\n" + "\n".join(cell.outputs[-1].traceback))


def _clean(notebook: NotebookNode, path: Path) -> None:
    """Keep nothing that differs between machines, runs or editors."""
    chapter = path.stem.partition("_")[0]
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    )
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"{chapter}-{number:02}"
        for name in set(cell.metadata) - KEPT_METADATA:
            del cell.metadata[name]
    for cell in code_cells(notebook):
        for output in cell.outputs:
            _clean_output(output)


def _clean_output(output: NotebookNode) -> None:
    for kind in DROPPED & set(output.get("data", ())):
        del output.data[kind]
    if "traceback" in output:
        output.traceback = [_without_folders(line) for line in output.traceback]


def _without_folders(line: str) -> str:
    """Shorten the path of a library's file to its place in the library."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), str(ROOT)}
    homes = {folder.replace(str(Path.home()), "~", 1) for folder in folders}
    for folder in sorted(folders | homes, key=len, reverse=True):
        line = line.replace(folder + os.sep, "")
    return line


def _essence(notebook: NotebookNode) -> str:
    """Write a notebook without its pixels, measured numbers and tracebacks."""
    kept = deepcopy(notebook)
    for cell in code_cells(kept):
        cell.outputs = [] if is_exempt(cell) else cell.outputs
        for output in cell.outputs:
            if "traceback" in output:
                output.traceback = []
            output.get("data", {}).pop("image/png", None)
    return sanitized(nbformat.writes(kept))


def _write(notebook: NotebookNode, path: Path) -> None:
    """Write beside the file and then put it in its place, so that it is never half a notebook."""
    beside = path.with_suffix(".ipynb.new")
    try:
        beside.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """Refresh the notebooks named, or all; return 1 when one was refused."""
    parser = argparse.ArgumentParser(prog="python -m tools.save_outputs", description=__doc__)
    parser.add_argument("notebook", nargs="*", type=Path, default=all_notebooks())
    parser.add_argument("--anew", action="store_true", help="take new pictures and numbers, too")
    chosen = parser.parse_args(arguments)
    return max([_report(path, chosen.anew) for path in chosen.notebook], default=0)


def _report(path: Path, anew: bool) -> int:
    start = monotonic()
    print(f"{path.stem}: ", end="", flush=True)
    try:
        written = refresh(path, anew=anew)
    except Refused as why:
        print(f"refused\n{why}")
        return 1
    print(f"{'written' if written else 'says the same'} ({monotonic() - start:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
