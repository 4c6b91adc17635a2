"""Every cell can be run again, in place and at once, and shows the same."""

import pytest

from tests.notebooks.rules import course_notebooks, hold_empty
from tests.notebooks.walks import twice


@pytest.mark.parametrize("path", course_notebooks(), ids=lambda path: path.stem)
def test_every_cell_shows_the_same_when_run_twice_in_a_row(path, tally):
    walk = twice(path)
    tally.add("cells run twice", walk.cells)
    hold_empty(path, walk.complaints)


@pytest.mark.parametrize("path", course_notebooks(), ids=lambda path: path.stem)
def test_every_hidden_solution_passes_its_check(path, tally):
    walk = twice(path)
    tally.add("hidden solutions checked", walk.solved)
    hold_empty(path, walk.unsolved)
