"""A notebook leaves nothing behind: not when run, and not when interrupted."""

import pytest

from tests.notebooks.rules import course_notebooks, hold_empty
from tests.notebooks.walks import interrupted, twice


@pytest.mark.parametrize("walk", [twice, interrupted], ids=["run", "interrupted"])
@pytest.mark.parametrize("path", course_notebooks(), ids=lambda path: path.stem)
def test_nothing_is_left_behind(path, walk, tally):
    left = walk(path).left
    tally.add("looks for leftovers", 1)
    tally.add("left behind", len(left))
    hold_empty(path, left)
