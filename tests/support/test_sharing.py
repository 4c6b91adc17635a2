import pytest

from tests.support.sharing import group, longest_first, workers

WALK = "tests/notebooks/test_interrupt.py::test_it[08_event_loops]"


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        ("notebooks/08_event_loops.ipynb::cell 3", "notebooks/08_event_loops.ipynb"),
        (WALK, "walk 08_event_loops"),
        ("tests/notebooks/test_twice.py::test_it[08_event_loops]", "walk 08_event_loops"),
        ("tests/notebooks/test_leftovers.py::test_it[08_event_loops-run]", "walk 08_event_loops"),
        ("tests/notebooks/test_without.py::test_it[08_loops-linux]", "without 08_loops"),
        ("tests/answers/test_answers.py::test_it[serve_chat-wrong]", "answers serve_chat"),
    ],
)
def test_kernels_and_exercises_make_groups(nodeid, name):
    assert group(nodeid) == name


@pytest.mark.parametrize("name", ["test_it", "test_it[IPv4-08]", "test_it[10_000]"])
def test_a_file_stays_together(name):
    assert group(f"tests/load/test_load.py::{name}") == "tests/load/test_load.py"


def test_the_longest_groups_begin_first():
    names = ["tests/roles/test_roles.py", group(WALK), "tests/browser/test_lab.py"]
    assert longest_first(names) == names[::-1]


def test_some_process_runs_the_tests():
    assert workers() >= 1
