"""Notebooks run to their end on machines that can do less."""

from functools import cache
from pathlib import Path

import pytest

from sockets_lab.capabilities import CAPABILITIES
from tests.notebooks.rules import code_cells, course_notebooks, hold_empty, needs, read
from tests.notebooks.walks import without

ALL = tuple(CAPABILITIES)


@cache
def cases(path: Path) -> tuple[tuple[str, ...], ...]:
    """Return what to switch off: everything, and each capability that the notebook asks for."""
    asked = sorted({name for cell in code_cells(read(path)) for name in needs(cell)})
    return (ALL, *((name,) for name in asked))


def _each():
    for path in course_notebooks():
        for number, off in enumerate(cases(path)):
            name = "everything" if off == ALL else off[0]
            yield pytest.param(path, number, id=f"{path.stem}-{name}")


@pytest.mark.parametrize(("path", "number"), list(_each()))
def test_no_cell_fails_without_capabilities(path, number, tally):
    complaints = without(path, cases(path))[number]
    tally.add("runs with capabilities switched off", 1)
    hold_empty(path, complaints)
