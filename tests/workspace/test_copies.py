"""Update a learner's copy without losing anything that they wrote."""

import json
import os
from pathlib import Path

import pytest

from sockets_lab.workspace import copies
from sockets_lab.workspace.copies import (
    MANIFEST,
    Copy,
    bring_up_to_date,
    chapters_of,
    sources_digest,
)

FIRST, SECOND = "00_start_here.ipynb", "01_sockets.ipynb"


def notebook(*sources: str, output: str = "") -> bytes:
    """Write a notebook of code cells, each with the same output."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": output}] if output else []
    cells = [
        {"cell_type": "code", "source": source, "outputs": outputs, "metadata": {}}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder of a course of two chapters, as shipped."""
    root = tmp_path / "shipped"
    (root / "notebooks").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "notebooks" / FIRST).write_bytes(notebook("1 + 1"))
    (root / "notebooks" / SECOND).write_bytes(notebook("socket()"))
    monkeypatch.setattr("sockets_lab.course_files.ROOTS", (root,))
    return root / "notebooks"


@pytest.fixture
def mine(course: Path, tmp_path: Path) -> Path:
    """Make a learner's copy of that course."""
    folder = tmp_path / "mine"
    update(folder)
    return folder


def update(folder: Path) -> Copy:
    return bring_up_to_date(folder, "1.0")


def done(copy: Copy) -> dict[str, tuple[str, str]]:
    return {one.chapter: (one.did, one.beside) for one in copy.updates}


def test_new_copy_has_every_chapter(course: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "mine"
    assert done(update(folder)) == {FIRST: ("new", ""), SECOND: ("new", "")}
    assert (folder / FIRST).read_bytes() == (course / FIRST).read_bytes()
    assert sorted(os.listdir(folder)) == [MANIFEST, FIRST, SECOND]


def test_update_without_news_writes_nothing(mine: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in mine.iterdir()}
    assert done(update(mine)) == {FIRST: ("current", ""), SECOND: ("current", "")}
    assert {path: path.stat().st_mtime_ns for path in mine.iterdir()} == before


def test_running_a_chapter_is_not_a_change(course: Path, mine: Path) -> None:
    (mine / FIRST).write_bytes(notebook("1 + 1", output="2"))
    assert done(update(mine))[FIRST] == ("current", "")
    assert (mine / FIRST).read_bytes() == notebook("1 + 1", output="2")


def test_unchanged_chapter_is_renewed_after_a_run(course: Path, mine: Path) -> None:
    (mine / FIRST).write_bytes(notebook("1 + 1", output="2"))
    (course / FIRST).write_bytes(notebook("2 + 2"))
    copy = update(mine)
    assert done(copy)[FIRST] == ("renewed", "")
    assert "outputs of your runs are gone" in copy.updates[0].words
    assert (mine / FIRST).read_bytes() == notebook("2 + 2")


def test_adds_a_chapter_that_comes_later(course: Path, mine: Path) -> None:
    (course / "02_more.ipynb").write_bytes(notebook("bind()"))
    assert done(update(mine))["02_more.ipynb"] == ("new", "")


def test_keeps_a_changed_chapter(mine: Path) -> None:
    (mine / FIRST).write_bytes(notebook("my answer"))
    assert done(update(mine))[FIRST] == ("kept", "")
    assert (mine / FIRST).read_bytes() == notebook("my answer")


def test_new_version_goes_beside_a_changed_chapter(course: Path, mine: Path) -> None:
    (mine / FIRST).write_bytes(notebook("my answer"))
    (course / FIRST).write_bytes(notebook("2 + 2"))
    copy = update(mine)
    assert done(copy)[FIRST] == ("newer", "put")
    assert copy.updates[0].words == (
        "changed by you: kept as it is; the new version is beside it, in 00_start_here.new.ipynb"
    )
    assert (mine / FIRST).read_bytes() == notebook("my answer")
    assert (mine / "00_start_here.new.ipynb").read_bytes() == notebook("2 + 2")


def beside(mine: Path) -> Path:
    return mine / "00_start_here.new.ipynb"


@pytest.fixture
def offered(course: Path, mine: Path) -> Path:
    """Make a copy with a changed chapter, and the new version beside it."""
    (mine / FIRST).write_bytes(notebook("my answer"))
    (course / FIRST).write_bytes(notebook("2 + 2"))
    update(mine)
    return mine


def test_new_versions_do_not_pile_up(course: Path, offered: Path) -> None:
    assert done(update(offered))[FIRST] == ("newer", "there")
    (course / FIRST).write_bytes(notebook("3 + 3"))
    assert done(update(offered))[FIRST] == ("newer", "put")
    assert beside(offered).read_bytes() == notebook("3 + 3")
    assert len(list(offered.glob("00_*"))) == 2


def test_declined_version_does_not_come_again(course: Path, offered: Path) -> None:
    beside(offered).unlink()
    assert done(update(offered))[FIRST] == ("newer", "declined")
    assert not beside(offered).exists()
    (course / FIRST).write_bytes(notebook("3 + 3"))
    assert done(update(offered))[FIRST] == ("newer", "put")


def test_accepted_version_is_current(course: Path, offered: Path) -> None:
    beside(offered).replace(offered / FIRST)
    assert done(update(offered))[FIRST] == ("current", "")
    (course / FIRST).write_bytes(notebook("3 + 3"))
    assert done(update(offered))[FIRST] == ("renewed", "")


def test_keeps_work_in_the_new_version(course: Path, offered: Path) -> None:
    beside(offered).write_bytes(notebook("my answer, in the new one"))
    (course / FIRST).write_bytes(notebook("3 + 3"))
    assert done(update(offered))[FIRST] == ("newer", "in the way")
    assert beside(offered).read_bytes() == notebook("my answer, in the new one")
    beside(offered).unlink()
    assert done(update(offered))[FIRST] == ("newer", "put")


def test_adds_a_deleted_chapter_again(mine: Path) -> None:
    (mine / FIRST).unlink()
    assert done(update(mine))[FIRST] == ("restored", "")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<<<<<<< mine",
        b"[]",
        b'{"cells": 3}',
        b'{"cells": [{}]}',
        b'{"cells": [{"cell_type": "code", "source": 3}]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_keeps_what_is_not_a_notebook(mine: Path, text: bytes) -> None:
    (mine / FIRST).write_bytes(text)
    copy = update(mine)
    assert done(copy)[FIRST] == ("unreadable", "put")
    assert copy.updates[0].words.startswith("cannot be read as a notebook: kept as it is")
    assert (mine / FIRST).read_bytes() == text
    assert beside(mine).read_bytes() == notebook("1 + 1")


def test_leaves_a_folder_with_a_chapters_name(mine: Path) -> None:
    (mine / FIRST).unlink()
    (mine / FIRST).mkdir()
    assert done(update(mine))[FIRST] == ("unreadable", "put")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"chapters": {"a": 1}}', '{"chapters": 1}'])
def test_warns_of_a_broken_manifest(course: Path, mine: Path, text: str) -> None:
    (mine / FIRST).write_bytes(notebook("my answer"))
    (mine / MANIFEST).write_text(text)
    copy = update(mine)
    assert (
        "every chapter that differs from the new version counts as changed by you" in copy.warning
    )
    assert done(copy) == {FIRST: ("newer", "put"), SECOND: ("current", "")}
    assert update(mine).warning == ""


def test_keeps_a_learners_file_of_that_name(course: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / FIRST).write_bytes(notebook("a diary"))
    assert done(update(folder))[FIRST] == ("newer", "put")
    assert (folder / FIRST).read_bytes() == notebook("a diary")


@pytest.mark.parametrize("folder", [".", "../data", "deeper", ".."])
def test_refuses_the_courses_own_folders(course: Path, folder: str) -> None:
    with pytest.raises(ValueError, match="is the course's own folder; choose another one"):
        update(course / folder)
    assert sorted(os.listdir(course)) == [FIRST, SECOND]


def test_refuses_a_link_to_the_courses_folder(course: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(course)
    with pytest.raises(ValueError, match="is the course's own folder"):
        update(tmp_path / "link")


def test_raises_why_a_folder_cannot_be_made(course: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        update(tmp_path / "file" / "mine")
    with pytest.raises(FileExistsError):
        update(tmp_path / "file")


def test_full_disk_leaves_the_old_chapter_whole(
    course: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (course / FIRST).write_bytes(notebook("2 + 2"))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copies.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        update(mine)
    assert (mine / FIRST).read_bytes() == notebook("1 + 1")
    assert not list(mine.glob(".*.part"))


def test_new_versions_are_not_chapters(offered: Path) -> None:
    assert [path.name for path in chapters_of(offered)] == [FIRST, SECOND]


def test_source_is_a_string_or_lines() -> None:
    as_lines = notebook("a\nb").replace(b'"a\\nb"', b'["a\\n", "b"]')
    assert sources_digest(as_lines) == sources_digest(notebook("a\nb"))


def test_order_and_type_of_cells_count() -> None:
    assert sources_digest(notebook("a", "b")) != sources_digest(notebook("b", "a"))
    as_text = notebook("a").replace(b'"code"', b'"markdown"')
    assert sources_digest(as_text) != sources_digest(notebook("a"))
