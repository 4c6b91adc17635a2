import pytest

from tests.support.sharing import group


@pytest.mark.parametrize(
    "nodeid",
    [
        "notebooks/08_event_loops.ipynb::cell 3",
        "tests/notebooks/test_interrupt.py::test_it[08_event_loops]",
        "tests/notebooks/test_without.py::test_no_cell_fails[08_event_loops-sock-diag]",
    ],
)
def test_a_chapter_stays_together(nodeid):
    assert group(nodeid) == "08_event_loops"


@pytest.mark.parametrize("name", ["test_it", "test_it[IPv4-08]", "test_it[10_000]"])
def test_a_file_stays_together(name):
    assert group(f"tests/load/test_load.py::{name}") == "tests/load/test_load.py"
