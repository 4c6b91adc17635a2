"""`python -m tools.save_outputs` writes what can be compared with, and nothing else."""

import json

import pytest

from sockets_lab.capabilities import SWITCH
from tests.notebooks.form import RULES
from tests.notebooks.rules import read
from tests.notebooks.samples import code, text, write
from tools.save_outputs import Refused, main, refresh

CELLS = [
    text("# Sample"),
    code("import os, socket, time\nfrom IPython.display import HTML"),
    code("for word in 'one', 'two':\n    print(word, flush=True)"),
    code('HTML(f\'<img alt="words" src="data:image/png;base64,{os.urandom(30).hex()}">\')'),
    code("time.time_ns()", tags=["nbval-ignore-output"]),
    code("socket.create_connection(('127.0.0.1', -1))", tags=["raises-exception"]),
    code("import ipywidgets\nipywidgets.IntSlider()"),
]


@pytest.fixture
def path(tmp_path):
    path = write(tmp_path / "99_sample.ipynb", *CELLS, counted=False)
    notebook = json.loads(path.read_text())
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.99"}
    notebook["cells"][1]["metadata"] |= {"execution": {"iopub.status.idle": "now"}, "tags": []}
    path.write_text(json.dumps(notebook))
    return path


def test_a_refreshed_notebook_keeps_the_form_and_then_stays_as_it_is(path):
    assert refresh(path)
    _keeps_the_form(path)
    before = path.read_bytes()
    assert not refresh(path), "pictures and measured numbers alone are no change"
    assert path.read_bytes() == before
    assert refresh(path, anew=True)
    assert path.read_bytes() != before


def _keeps_the_form(path):
    notebook = read(path)
    assert [words for rule in RULES for words in rule(notebook, path)] == []
    assert [output.text for output in notebook.cells[2].outputs] == ["one\ntwo\n"]
    assert notebook.cells[-1].outputs[0].data.keys() == {"text/plain"}
    assert notebook.cells[1].metadata == {"tags": []}
    assert "socket.py:" in "".join(notebook.cells[5].outputs[0].traceback)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (code("1 / 0"), "ZeroDivisionError"),
        (code("import os\nos.getcwd()"), "a path of one machine"),
        (code("import sys\nprint('late', file=sys.stderr)"), "writes to stderr"),
        (code("import os\nos._exit(1)"), "KernelDied"),
    ],
)
def test_an_unfit_run_is_refused_and_the_file_let_be(tmp_path, cell, why):
    path = write(tmp_path / "99_sample.ipynb", code("1"), cell, counted=False)
    before = path.read_bytes()
    with pytest.raises(Refused, match=why):
        refresh(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_fallbacks_are_not_saved_as_the_real_thing(tmp_path, monkeypatch):
    monkeypatch.setenv(SWITCH, "namespaces")
    path = write(tmp_path / "99_sample.ipynb", code("1", tags=["needs-namespaces"]))
    with pytest.raises(Refused, match="cell 1: needs-namespaces: switched off"):
        refresh(path)


def test_the_command_says_what_it_did(tmp_path, capsys):
    good = write(tmp_path / "98_good.ipynb", text("# Good"))
    bad = write(tmp_path / "99_bad.ipynb", code("1 / 0"))
    assert main([str(bad), str(good)]) == 1
    assert main([str(good)]) == 0
    lines = [line.partition(" (")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "99_bad: refused"
    assert lines[-2:] == ["98_good: written", "98_good: says the same"]
