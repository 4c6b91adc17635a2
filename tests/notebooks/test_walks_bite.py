"""The walks complain of what they must complain of, and of nothing else."""

from pathlib import Path

import pytest

from tests.notebooks.driver import Hangs, fresh_kernel
from tests.notebooks.rules import comparable
from tests.notebooks.samples import code, printed, text, write
from tests.notebooks.walks import interrupted, twice, without

SOLUTION = """\
<details><summary>Solution</summary>

```python
def answer():
    return 42
```
</details>"""
REPORT = """\
from IPython.display import display
report = {"passed": answer() == 42}
display({"application/vnd.sockets-lab.report+json": report, "text/plain": "checked"}, raw=True)"""

SOUND = [
    code("import socket, threading, time"),
    code(
        "with socket.create_server(('127.0.0.1', 0)) as listener:\n    print(listener.fileno() > 0)"
    ),
    code("threading.Event().wait(0.15)"),
    code("try:\n    time.sleep(0.1)\nfinally:\n    print('done')"),
    code("for _ in range(5):\n    time.sleep(0.1)"),
    code("raise OSError('shown')", tags=["raises-exception"]),
    code("time.time()", tags=["nbval-ignore-output"]),
    code("def answer():\n    return None", tags=["exercise"]),
    code(REPORT, tags=["check"]),
    text(SOLUTION, tags=["solution"]),
]
CARELESS = [
    code("count = globals().get('count', 0) + 1\ncount"),
    code("import socket\nif count == 2:\n    raise OSError('only once')"),
    code("import os, threading, time"),
    code("try:\n    time.sleep(0.3)\nexcept KeyboardInterrupt:\n    time.sleep(1.5)"),
    code("try:\n    time.sleep(0.1)\nexcept KeyboardInterrupt:\n    1 / 0"),
    code("socket.socket().fileno() > 0"),
    code("def answer():\n    return None", tags=["exercise"]),
    code(REPORT, tags=["check"]),
    text(SOLUTION.replace("42", "41"), tags=["solution"]),
    code("listener = socket.create_server(('127.0.0.1', 0))"),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return write(tmp_path_factory.mktemp("walks") / "sound.ipynb", *SOUND)


@pytest.fixture(scope="module")
def careless(tmp_path_factory):
    return write(tmp_path_factory.mktemp("walks") / "careless.ipynb", *CARELESS)


def test_a_sound_notebook_gives_no_cause_for_complaint(sound):
    walk, interrupts = twice(sound), interrupted(sound)
    assert walk.complaints == walk.unsolved == walk.left == []
    assert (walk.cells, walk.solved) == (9, 1)
    assert interrupts.complaints == interrupts.left == []
    assert (interrupts.cells, interrupts.missed) == (3, 0)


def test_each_wait_is_interrupted_once(sound):
    """Two cells wait once; the third waits five times in one place: first, and halfway."""
    prompts = interrupted(sound).prompts
    assert [one.error for one in prompts] == ["KeyboardInterrupt"] * 4
    assert max(one.idle_s for one in prompts) < 1


@pytest.mark.skipif(not Path("/proc/self/syscall").exists(), reason="waits are read from /proc")
def test_an_interrupt_strikes_inside_the_wait(tmp_path):
    """The cell counts its waits; the one that is interrupted is not counted."""
    source = "import time\ncount = 0\nwhile count < 8:\n    time.sleep(0.1)\n    count += 1"
    with fresh_kernel(tmp_path) as kernel:
        waits = kernel.run_watched(source).waits
        for wait in waits:
            assert kernel.interrupt(source, wait).error == "KeyboardInterrupt"
            assert kernel.ask("count") >= wait.earlier
    assert waits[0].earlier == 0
    assert 2 <= waits[1].earlier <= 4


@pytest.mark.parametrize(
    "words",
    [
        "cell 1: shows something else when run again:\n- text/plain: 1",
        "cell 2: OSError: only once",
        "cell 6: never closed: ",
    ],
)
def test_a_careless_cell_is_named(careless, words):
    assert words in "\n".join(twice(careless).complaints)


def test_pieces_of_a_stream_compare_the_same_again():
    pieces = [printed("one\n"), printed("two\n")]
    assert comparable(pieces) == comparable(pieces) == [("stdout", "one\ntwo\n")]


def test_a_wrong_solution_is_named(careless):
    assert twice(careless).unsolved == ["the solution does not pass: {'passed': False}"]


@pytest.mark.parametrize("walk", [twice, interrupted])
def test_an_open_socket_is_left_behind(careless, walk):
    socket, port = walk(careless).left
    assert socket.startswith("descriptor: <socket.socket fd=")
    assert socket.endswith("in the notebook's listener")
    assert port.startswith("port: SOCK_STREAM ")


@pytest.mark.parametrize(
    ("cell", "words"),
    [(4, "its prompt came after 1."), (5, "it ended in ZeroDivisionError")],
)
def test_a_bad_answer_to_an_interrupt_is_named(careless, cell, words):
    begin = f"cell {cell}: interrupted in wait 1 in "
    complaints = interrupted(careless).complaints
    assert any(each.startswith(begin) and words in each for each in complaints)


def test_a_walk_ends_where_the_kernel_dies(tmp_path):
    path = write(tmp_path / "dies.ipynb", code("import os; os._exit(1)"), code("1"))
    walk = twice(path)
    assert walk.complaints == ["KernelDied at 'import os; os._exit(1)': the rest was not run"]
    assert walk.left == ["not known: the notebook's end was not reached"]


def test_a_cell_that_hangs_is_not_waited_for(tmp_path):
    with fresh_kernel(tmp_path) as kernel, pytest.raises(Hangs):
        kernel.run("import threading; threading.Event().wait()", deadline_s=0.5)


def test_switched_off_capabilities_are_lacking(tmp_path):
    """Each case begins with no variables, and with its own capabilities switched off."""
    source = (
        "from sockets_lab.capabilities import require\n"
        "assert 'before' not in globals()\n"
        "before = True\n"
        "require('descriptors', 'a crowd')"
    )
    path = write(tmp_path / "needy.ipynb", code(source))
    (first,), second, (third,) = without(path, (("descriptors",), ("ipv6",), ("descriptors",)))
    assert first.startswith("cell 1: Unavailable: ")
    assert second == []
    assert third == first


def test_a_case_that_ends_the_kernel_leaves_the_others(tmp_path):
    source = "import os\nif os.environ['SOCKETS_LAB_WITHOUT'] == 'ipv6':\n    os._exit(1)"
    path = write(tmp_path / "fragile.ipynb", code(source))
    first, (second,), third = without(path, (("netem",), ("ipv6",), ("netem",)))
    assert (first, third) == ([], [])
    assert second == "KernelDied at 'import os': the rest was not run"
