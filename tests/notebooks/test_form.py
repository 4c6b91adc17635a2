"""Saved notebooks keep the form that validation, review and learners rely on."""

import nbformat
import pytest

from tests.notebooks.form import MACHINE_PATH, RULES
from tests.notebooks.rules import all_notebooks, read
from tests.notebooks.samples import code, picture, printed, raised, text, write
from tests.notebooks.test_walks_bite import REPORT, SOLUTION

SHOWN = nbformat.v4.new_output(
    "display_data", data={"application/vnd.sockets-lab.report+json": {"passed": False}}
)
EXERCISE = [
    code("def answer(): ...", tags=["exercise"]),
    code(REPORT, SHOWN, tags=["check"]),
    text(SOLUTION, tags=["solution"]),
]
SOUND = [
    text("# Sample"),
    code("print('ready')", printed("ready\n")),
    code("draw()", picture("listener LISTEN")),
    code("raise OSError(98)", raised("OSError", "98"), tags=["raises-exception"]),
    *EXERCISE,
]


def saved(folder, *cells, counted=True):
    """Save a notebook as `tools.save_outputs` does, and give back each rule's complaints."""
    path = write(folder / "99_sample.ipynb", *cells, counted=counted)
    notebook = read(path)
    notebook.metadata["language_info"] = {"name": "python"}
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"99-{number:02}"
    return [words for rule in RULES for words in rule(notebook, path)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", all_notebooks(), ids=lambda path: path.stem)
def test_every_notebook_keeps_the_form(path, rule):
    complaints = list(rule(read(path), path))
    assert not complaints, "\n".join(complaints)


def test_a_sound_notebook_keeps_the_form(tmp_path):
    assert saved(tmp_path, *SOUND) == []


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([code("1\n" * 26)], "cell 1 has 26 lines"),
        ([code("1", printed("x" * 300_001))], "bytes are more than"),
        ([code("1", tags=["exercize"])], "unknown tag 'exercize'"),
        ([code("1", tags=["nbval-skip"])], "unknown tag 'nbval-skip'"),
        ([code("1", tags=["needs-luck"])], "unknown tag 'needs-luck'"),
        ([code("# NBVAL_IGNORE_OUTPUT\n1")], "tags steer validation"),
        ([code("1", tags=["nbval-ignore-output"])] * 4, "4 cells are exempt"),
        ([code("1", raised("OSError", "x"))], "cell 1 ends in OSError: x"),
        ([code("1", nbformat.v4.new_output("stream", name="stderr", text="w"))], "to stderr: 'w'"),
        ([code("1", printed("/home/me/x"))], "cell 1 shows a path of one machine: '/home/m'"),
        ([code("1", picture(""))], "a picture without words"),
        ([text("![](x.png)")], "a picture without words"),
        (
            [code("1", nbformat.v4.new_output("display_data", data={"image/png": "x"}))],
            "a picture without words",
        ),
        (EXERCISE[:2], "one cell tagged 'solution', not 0"),
        ([*EXERCISE[:2], text("none", tags=["solution"])], "one ```python block"),
        ([EXERCISE[0], code("1", tags=["check"]), EXERCISE[2]], "saved with the report None"),
    ],
)
def test_each_rule_bites(tmp_path, cells, words):
    assert words in "\n".join(saved(tmp_path, *cells))


def test_a_stripped_notebook_is_named(tmp_path):
    complaints = saved(tmp_path, code("1"), code("2"), counted=False)
    assert complaints == ["execution counts are [None, None], not 1 to 2"]


@pytest.mark.parametrize(
    "path",
    ["/root/x", "/home/me", "/Users/me", "/tmp/x", "C:\\Users", "~/x", "lib/site-packages/zmq"],
)
def test_paths_of_a_machine_are_known(path):
    assert MACHINE_PATH.search(f"see {path}")


@pytest.mark.parametrize("path", ["/proc/net/tcp", "sockets_lab/roles.py", "127.0.0.1/8", "a/tmp"])
def test_paths_of_every_machine_are_let_be(path):
    assert not MACHINE_PATH.search(f"see {path}")
