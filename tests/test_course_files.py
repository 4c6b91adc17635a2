"""Find the course's files in a checkout and in an installed package."""

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
    """Make a course inside a package, as in a wheel."""
    course = tmp_path / "sockets_lab" / "_course"
    (course / "notebooks").mkdir(parents=True)
    (course / "data").mkdir()
    (course / "data" / "syn_queue.json").write_text("{}")
    monkeypatch.setattr("sockets_lab.course_files.ROOTS", (course, tmp_path))
    return course


def test_finds_the_folders_of_a_checkout() -> None:
    root = Path(course_files.__file__).parents[1]
    assert find_course_files() == (root / "notebooks", root / "data")


def test_finds_the_folders_of_a_package(installed: Path) -> None:
    assert find_course_files() == (installed / "notebooks", installed / "data")


def test_refuses_an_installation_without_a_course(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sockets_lab.course_files.ROOTS", (tmp_path,))
    with pytest.raises(FileNotFoundError, match="has no notebooks: install it again"):
        find_course_files()


def test_finds_a_recording(installed: Path) -> None:
    assert recorded("syn_queue.json") == installed / "data" / "syn_queue.json"


def test_suggests_a_similar_recording(installed: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is syn_queue.json: 'syn-queue.json'"):
        recorded("syn-queue.json")


def test_reports_that_nothing_is_recorded(installed: Path) -> None:
    (installed / "data" / "syn_queue.json").unlink()
    with pytest.raises(FileNotFoundError, match="there is none"):
        recorded("syn_queue.json")


def test_note_has_provenance_and_each_reason_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_recorded(Provenance("2026-11-23", "Linux 6.18.44"), ["no IPv6", "no Linux", "no IPv6"])
    assert capsys.readouterr().out == (
        "recorded 2026-11-23 on Linux 6.18.44, not measured here:\n  no IPv6; no Linux\n"
    )


def test_provenance_has_only_a_date_and_a_system() -> None:
    made = made_here()
    assert date.fromisoformat(made.on) <= date.today()
    assert re.fullmatch(r"\w+ [\w.]+", made.system)
