"""Interrupting a cell that waits gives the prompt back within a second, and breaks nothing."""

import pytest

from tests.notebooks.rules import course_notebooks
from tests.notebooks.walks import interrupted


@pytest.mark.parametrize("path", course_notebooks(), ids=lambda path: path.stem)
def test_every_cell_that_waits_can_be_interrupted(path, tally):
    walk = interrupted(path)
    answered = [prompt for prompt in walk.prompts if not prompt.lost]
    tally.add("cells that wait", walk.cells)
    tally.add("interrupts", len(walk.prompts))
    tally.add("KeyboardInterrupts", sum(one.error == "KeyboardInterrupt" for one in answered))
    tally.add("answers that ipykernel lost", len(walk.prompts) - len(answered))
    tally.slowest(prompt.prompt_s for prompt in answered)
    assert not walk.complaints, "\n".join(walk.complaints)
