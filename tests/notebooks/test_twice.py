"""Every cell can be run again, immediately and in place, and shows the same."""

import pytest

from tests.notebooks.rules import course_notebooks, hold_empty
from tests.notebooks.walks import twice


@pytest.mark.parametrize("path", course_notebooks(), ids=lambda path: path.stem)
def test_a_second_run_shows_the_same(path, tally):
    walk = twice(path)
    tally.add("cells run twice", walk.cells)
    hold_empty(path, walk.complaints)


@pytest.mark.parametrize("path", course_notebooks(), ids=lambda path: path.stem)
def test_hidden_solutions_pass(path, tally):
    walk = twice(path)
    tally.add("hidden solutions checked", walk.solved)
    hold_empty(path, walk.unsolved)
