"""Interrupting a cell that waits gives the prompt back within a second, and breaks nothing."""

import pytest

from tests.notebooks.rules import course_notebooks, hold_empty
from tests.notebooks.walks import interrupted


@pytest.mark.parametrize("path", course_notebooks(), ids=lambda path: path.stem)
def test_waiting_cells_can_be_interrupted(path, tally):
    walk = interrupted(path)
    tally.add("cells that wait", walk.cells)
    tally.add("waits interrupted", len(walk.prompts))
    tally.add("waits that did not come again", walk.missed)
    tally.add("KeyboardInterrupts", sum(one.error == "KeyboardInterrupt" for one in walk.prompts))
    tally.slowest(prompt.idle_s for prompt in walk.prompts)
    hold_empty(path, walk.complaints)
