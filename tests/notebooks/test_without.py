"""Notebooks run to their end on machines that can do less."""

import pytest

from sockets_lab.capabilities import CAPABILITIES
from tests.notebooks.rules import code_cells, course_notebooks, hold_empty, needs, read
from tests.notebooks.walks import without

ALL = tuple(CAPABILITIES)


def _cases():
    """Switch off everything, and each of several capabilities that a notebook asks for.

    Where it asks for one only, nothing that its cells ask for stays on in either case.
    """
    for path in course_notebooks():
        asked = sorted({name for cell in code_cells(read(path)) for name in needs(cell)})
        yield pytest.param(path, ALL, id=f"{path.stem}-everything")
        for name in asked if len(asked) > 1 else []:
            yield pytest.param(path, (name,), id=f"{path.stem}-{name}")


@pytest.mark.parametrize(("path", "capabilities"), list(_cases()))
def test_no_cell_fails_without_capabilities(path, capabilities, tally):
    complaints = without(path, capabilities)
    tally.add("runs with capabilities switched off", 1)
    hold_empty(path, complaints)
