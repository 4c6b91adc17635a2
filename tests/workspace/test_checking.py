"""Run notebooks, and report their faults and the progress of their exercises."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from sockets_lab.workspace import Exercise, Fault, check_notebook, notebooks_in

REPORT = """
from sockets_lab.exercises.harness.report import Result, Report
Report("serve_once", (
    Result("answers", True, "a reply"),
    Result("closes", {passed}, "an end", "none", "close in a finally block"),
){note})
"""


def write(folder: Path, *cells: str, name: str = "00_start.ipynb", **tags: str) -> Path:
    """Write a notebook of code cells; `cell_2="TAG"` tags the second."""
    made = [new_code_cell(cell) for cell in cells]
    for cell, tag in tags.items():
        made[int(cell.removeprefix("cell_")) - 1].metadata["tags"] = [tag]
    path = folder / name
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Start"), *made]), path)
    return path


def test_passing_notebook_is_not_written(tmp_path: Path) -> None:
    path = write(tmp_path, "1 + 1", "print('done')")
    before = path.read_bytes(), path.stat().st_mtime_ns
    progress: list[tuple[int, int]] = []
    checked = check_notebook(path, on_cell=lambda ran, cells: progress.append((ran, cells)))
    assert checked._replace(seconds=0) == ("00_start.ipynb", 2, 2, 0, "", (), ())
    assert checked.passed
    assert progress == [(1, 2), (2, 2)]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_kernel_is_this_python_in_the_folder(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "import os, sys",
        f"assert os.getcwd() == {str(tmp_path.resolve())!r}, os.getcwd()",
        f"assert sys.executable == {sys.executable!r}, sys.executable",
    )
    assert check_notebook(path).faults == ()


def test_reports_failing_cells_and_runs_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path, "x = 1", "# a remark\nraise OSError(98, 'in use')\n", "", "undefined")
    checked = check_notebook(path)
    assert checked.faults == (
        Fault(2, "raise OSError(98, 'in use')", "OSError: [Errno 98] in use"),
        Fault(3, "undefined", "NameError: name 'undefined' is not defined"),
    )
    assert (checked.cells, checked.ran, checked.stopped) == (3, 3, "")
    assert not checked.runs


def test_error_on_purpose_is_not_a_fault(tmp_path: Path) -> None:
    assert check_notebook(write(tmp_path, "1 / 0", cell_1="raises-exception")).runs


def test_hanging_cell_stops_the_run(tmp_path: Path) -> None:
    path = write(tmp_path, "1", "import time; time.sleep(60)", "2")
    checked = check_notebook(path, timeout_s=1)
    assert checked.stopped == "cell 2 did not finish within 1 s"
    assert (checked.ran, checked.runs) == (2, False)


def test_reports_a_kernel_that_dies(tmp_path: Path) -> None:
    checked = check_notebook(write(tmp_path, "import os; os._exit(1)"))
    assert checked.stopped == "the kernel died in cell 1"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": [3]}', "\udcff"])
def test_reports_what_is_not_a_notebook(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.ipynb").write_bytes(text.encode(errors="surrogateescape"))
    checked = check_notebook(tmp_path / "a.ipynb")
    assert checked.stopped.startswith("cannot be read as a notebook: ")


def test_finds_reports_of_exercises(tmp_path: Path) -> None:
    checked = check_notebook(write(tmp_path, REPORT.format(passed=False, note="")))
    assert checked.exercises == (
        Exercise("serve_once", 1, 2, "", "closes", "close in a finally block"),
    )
    assert (checked.runs, checked.passed) == (True, False)


def test_last_report_of_an_exercise_counts(tmp_path: Path) -> None:
    first, last = (REPORT.format(passed=passed, note="") for passed in (False, True))
    checked = check_notebook(write(tmp_path, first, last))
    assert checked.exercises == (Exercise("serve_once", 2, 2),)
    assert checked.passed


def test_exercise_not_started_does_not_fail(tmp_path: Path) -> None:
    report = REPORT.format(passed=None, note=', "not started yet"').replace("True", "None")
    checked = check_notebook(write(tmp_path, report))
    assert [(one.started, one.note) for one in checked.exercises] == [(False, "not started yet")]
    assert checked.passed
    assert checked.as_json()["exercises"][0]["started"] is False


def test_finds_notebooks_by_name_and_by_folder(tmp_path: Path) -> None:
    second = write(tmp_path, "1", name="01_b.ipynb")
    first = write(tmp_path, "1", name="00_a.ipynb")
    write(tmp_path, "1", name="00_a.new.ipynb")
    assert notebooks_in([tmp_path]) == (first, second)
    assert notebooks_in([second, tmp_path]) == (second, first, second)


def test_refuses_paths_without_notebooks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"'nowhere' does not exist; .* sockets-lab open"):
        notebooks_in([Path("nowhere")])
    with pytest.raises(ValueError, match="there are no notebooks in"):
        notebooks_in([tmp_path])
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ValueError, match=r"is not a notebook: the name must end in \.ipynb"):
        notebooks_in([tmp_path / "a.txt"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_interrupt_ends_the_kernel(tmp_path: Path) -> None:
    path = write(tmp_path, "import time; time.sleep(60)")
    code = (
        "import pathlib, sys; from sockets_lab.workspace import check_notebook\n"
        "try:\n"
        "    path = pathlib.Path(sys.argv[1])\n"
        "    check_notebook(path, on_cell=lambda *n: print('cell', flush=True))\n"
        "except KeyboardInterrupt: print('interrupted')"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == "cell\n"
        kernels = psutil.Process(caller.pid).children()
        began = time.monotonic()
        caller.send_signal(signal.SIGINT)
        assert caller.communicate(timeout=10)[0] == "interrupted\n"
        assert time.monotonic() - began < 4
    assert psutil.wait_procs(kernels, timeout=5)[1] == []
