"""The course's files are found in a checkout and in an installed package."""

import re
from datetime import date
from pathlib import Path

import pytest

from sockets_lab import course_files
from sockets_lab.course_files import (
    Provenance,
    find_course_files,
    made_here,
    recorded,
    say_recorded,
)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course inside a package, as a wheel lays it out."""
    course = tmp_path / "sockets_lab" / "_course"
    (course / "notebooks").mkdir(parents=True)
    (course / "data").mkdir()
    (course / "data" / "syn_queue.json").write_text("{}")
    monkeypatch.setattr("sockets_lab.course_files.PLACES", (course, tmp_path))
    return course


def test_finds_the_checkouts_folders() -> None:
    root = Path(course_files.__file__).parents[1]
    assert find_course_files() == (root / "notebooks", root / "data")


def test_an_installed_package_uses_its_own(installed: Path) -> None:
    assert find_course_files() == (installed / "notebooks", installed / "data")


def test_says_so_when_there_is_no_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockets_lab.course_files.PLACES", (tmp_path,))
    with pytest.raises(FileNotFoundError, match="holds no notebooks; install it again"):
        find_course_files()


def test_finds_a_recording(installed: Path) -> None:
    assert recorded("syn_queue.json") == installed / "data" / "syn_queue.json"


def test_names_the_recording_that_comes_near(installed: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is syn_queue.json: 'syn-queue.json'"):
        recorded("syn-queue.json")


def test_says_when_nothing_is_recorded(installed: Path) -> None:
    (installed / "data" / "syn_queue.json").unlink()
    with pytest.raises(FileNotFoundError, match="there is none at all"):
        recorded("syn_queue.json")


def test_a_recording_says_when_and_where_it_was_made_and_each_reason_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_recorded(Provenance("2026-11-23", "Linux 6.18.44"), ["no IPv6", "no Linux", "no IPv6"])
    assert capsys.readouterr().out == (
        "recorded 2026-11-23 on Linux 6.18.44, not measured here:\n  no IPv6; no Linux\n"
    )


def test_what_is_made_here_tells_no_more_of_the_machine_than_its_system() -> None:
    made = made_here()
    assert date.fromisoformat(made.on) <= date.today()
    assert re.fullmatch(r"\w+ [\w.]+", made.system)
