"""What a wheel carries: the package, and the course that `sockets-lab open` copies."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Build a wheel without a network and list its files."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=HERE, check=True, capture_output=True, timeout=60)
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


def test_the_wheel_carries_every_notebook(names):
    here = {path.name for path in (HERE / "notebooks").glob("*.ipynb")}
    course = "sockets_lab/_course/notebooks/"
    assert {name.removeprefix(course) for name in names if name.startswith(course)} >= here
    assert here


def test_the_wheel_carries_the_recorded_data(names):
    for folder in (path for path in (HERE / "data").iterdir() if path.is_dir()):
        assert any(one.startswith(f"sockets_lab/_course/data/{folder.name}/") for one in names)


def test_the_wheel_says_that_it_is_typed(names):
    assert "sockets_lab/py.typed" in names


def test_the_wheel_carries_nothing_else(names):
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sockets_lab"}
    assert [one for one in names if "checkpoint" in one or "__pycache__" in one] == []
