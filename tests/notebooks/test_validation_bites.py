"""Strict validation fails what it must fail, soon and by name, and passes a sound notebook."""

import os
import subprocess
import sys
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from sockets_lab.capabilities import SWITCH
from tests.notebooks.rules import ROOT
from tests.notebooks.samples import code, picture, printed, raised, write
from tests.notebooks.strict import AFTER_INTERRUPT_S

CELL_TIMEOUT_S = 2
WORDS = "listener LISTEN; client 1 ESTABLISHED before accept"
DRAW = f"""\
import base64, os
from IPython.display import display
pixels = base64.b64encode(os.urandom(300)).decode()
html = f'<img alt="{WORDS}" src="data:image/png;base64,{{pixels}}">'
display({{"text/html": html, "text/plain": "{WORDS}"}}, raw=True)"""
WAIT = "import threading; threading.Event().wait()"
IGNORE_INTERRUPTS = """\
while True:
    try:
        print("more")
        threading.Event().wait(0.05)
    except KeyboardInterrupt:
        pass"""
KILL = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
READY = code("print('ready')", printed("ready\n"))
ON = code("print('on')", printed("on\n"))

SAMPLES = {
    "sound": [
        READY,
        code(DRAW, picture(WORDS)),
        code("import time; time.time()", tags=["nbval-ignore-output"]),
        code("1 / 0", tags=["nbval-ignore-output", "raises-exception"]),
        code("print('live')", printed("recorded\n"), tags=["needs-namespaces"]),
        code("time.time()", tags=["needs-namespaces", "nbval-ignore-output"]),
        ON,
    ],
    "wrong": [
        READY,
        code("print('the client waits')", printed("the client waited\n")),
        code(DRAW, picture(WORDS.replace("before", "after"))),
        code("raise OSError(98, 'Address already in use')"),
        code(
            "raise OSError(98, 'x')", raised("OSError", "[Errno 13] x"), tags=["raises-exception"]
        ),
        code("print('x')", printed("x\n"), tags=["needs-luck"]),
        ON,
    ],
    "hangs": [READY, code(WAIT), ON],
    "stubborn": [code("import threading"), code(IGNORE_INTERRUPTS), ON],
    "kills": [READY, code(KILL), ON, ON],
}


class Cell(NamedTuple):
    """How one cell of a sample went, and what it said."""

    result: str
    words: str
    seconds: float


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Validate every sample in one run of pytest, as `make test` validates the course."""
    folder = tmp_path_factory.mktemp("samples")
    for name, cells in SAMPLES.items():
        write(folder / f"{name}.ipynb", *cells)
    write(folder / "stripped.ipynb", code("print('x')"), code("print('y')"), counted=False)
    command = [sys.executable, "-m", "pytest", "-p", "tests.notebooks.strict", str(folder)]
    command += ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}", "-p", "no:cacheprovider"]
    command += [f"--nbval-cell-timeout={CELL_TIMEOUT_S}", f"--junit-xml={folder / 'report.xml'}"]
    environment = {**os.environ, SWITCH: "namespaces"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout, ElementTree.parse(folder / "report.xml")


@pytest.fixture(scope="module")
def cells(run):
    """Look a cell's result up by its sample and its number."""
    return {(_name(case), case.get("name")): _cell(case) for case in run[1].iter("testcase")}


def _name(case):
    return case.get("classname").split(".")[-2]


def _cell(case):
    results = [one for one in case if one.tag in ("failure", "error", "skipped")]
    seconds = float(case.get("time"))
    if not results:
        return Cell("passed", "", seconds)
    return Cell(results[0].tag, results[0].get("message") + (results[0].text or ""), seconds)


def test_a_sound_notebook_passes(cells):
    results = {cell.result for (name, _), cell in cells.items() if name == "sound"}
    assert results == {"passed"}


@pytest.mark.parametrize(
    ("number", "words"),
    [
        pytest.param(2, "the client waited", id="a word of the text changed"),
        pytest.param(3, "mismatch 'text/html'", id="a word of a picture changed"),
        pytest.param(4, "Address already in use", id="an exception"),
        pytest.param(5, "Errno 13", id="another exception than the one shown"),
        pytest.param(6, "unknown tag 'needs-luck'", id="a tag misspelt"),
    ],
)
def test_a_wrong_cell_fails_by_name(cells, number, words):
    cell = cells["wrong", f"cell {number}"]
    assert cell.result == "failure"
    assert f"wrong cell {number}: " in cell.words
    assert words in cell.words


def test_cells_after_a_wrong_one_are_still_compared(cells):
    assert cells["wrong", "cell 7"].result == "passed"


def test_a_cell_that_hangs_fails_within_its_limit(cells):
    cell = cells["hangs", "cell 2"]
    assert cell.result == "failure"
    assert f"Timeout of {CELL_TIMEOUT_S} seconds" in cell.words
    assert cell.seconds < CELL_TIMEOUT_S + 2


def test_a_cell_that_ignores_interrupts_fails_within_its_limit(cells):
    cell = cells["stubborn", "cell 2"]
    assert cell.result == "failure"
    assert cell.seconds < CELL_TIMEOUT_S + AFTER_INTERRUPT_S + 2


def test_a_cell_that_kills_its_kernel_fails_at_once_and_by_name(cells):
    cell = cells["kills", "cell 2"]
    assert cell.result == "failure"
    assert "kernel died in kills cell 2" in cell.words
    assert cell.seconds < 2


@pytest.mark.parametrize(
    ("name", "number", "why"),
    [
        ("hangs", 3, "hangs cell 2 hung"),
        ("stubborn", 3, "stubborn cell 2 hung"),
        ("kills", 3, "kernel died in kills cell 2"),
        ("kills", 4, "kernel died in kills cell 2"),
    ],
)
def test_what_follows_is_not_waited_for(cells, name, number, why):
    cell = cells[name, f"cell {number}"]
    assert cell.result == "skipped"
    assert why in cell.words
    assert cell.seconds < 1


@pytest.mark.parametrize("number", [1, 2])
def test_a_notebook_without_outputs_fails(cells, number):
    cell = cells["stripped", f"cell {number}"]
    assert cell.result == "failure"
    assert "saved without its output" in cell.words


def test_the_summary_names_what_was_not_compared(run):
    reason = "(needs-namespaces: switched off by SOCKETS_LAB_WITHOUT)"
    summary = run[0].partition(" notebooks ===")[2]
    assert "exempt from comparison: 3 cells" in summary
    assert "  sound cell 3\n  sound cell 4\n" in summary
    assert f"  sound cell 6 {reason}\n" in summary
    assert f"not compared here: sound cell 5 {reason}\n" in summary
