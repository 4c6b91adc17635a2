"""One list orders the course; the notebooks, their navigation and the README match it."""

import json
import re
from pathlib import Path

import pytest

from sockets_lab.course import CHAPTERS, GLOSSARY, Chapter, chapter, navigation, readme_table
from tools.write_navigation import BEGIN, END, navigated, written

HERE = Path(__file__).parent.parent
NOTEBOOKS = HERE / "notebooks"
WRITTEN = [one for one in CHAPTERS if one.written]


def prose(file: str) -> list[str]:
    """Return the Markdown cells of a notebook, without their code blocks."""
    cells = json.loads((NOTEBOOKS / file).read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    return [re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE) for text in texts]


def test_numbers_count_up_from_00():
    assert [one.number for one in CHAPTERS] == [f"{n:02}" for n in range(len(CHAPTERS))]


def test_no_two_chapters_share_a_file_or_a_title():
    assert len({one.file for one in CHAPTERS}) == len({one.title for one in CHAPTERS}) == 16


def test_notebooks_are_chapters_and_glossary():
    names = {path.name for path in NOTEBOOKS.glob("*.ipynb")}
    assert names == {GLOSSARY, *(one.file for one in WRITTEN)}


@pytest.mark.parametrize("one", WRITTEN, ids=lambda one: one.file)
def test_chapter_has_one_h1(one):
    headings = re.findall(r"^# (.*)$", "\n".join(prose(one.file)), flags=re.MULTILINE)
    assert headings == [one.title]


@pytest.mark.parametrize("one", WRITTEN, ids=lambda one: one.file)
def test_chapter_ends_with_its_navigation(one):
    assert prose(one.file)[-1].endswith(navigation(one)), "fix it with: make outputs"


def test_readme_contains_the_table():
    text = (HERE / "README.md").read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert written(text, readme_table()) == text, "fix it with: make outputs"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_a_page_exist(page):
    text = (HERE / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", text)
    assert [link for pair in links for link in pair if link and not (HERE / link).exists()] == []


@pytest.fixture
def draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a course with one notebook."""
    cells = [
        {"cell_type": "code", "source": ["# not a heading"]},
        {"cell_type": "markdown", "source": ["## Before\n", "# A heading of IPv6\n", "text"]},
    ]
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_ipv6_first.ipynb").write_text(json.dumps({"cells": cells}))
    monkeypatch.setattr("sockets_lab.course_files.ROOTS", (tmp_path,))
    return tmp_path / "notebooks"


@pytest.mark.usefixtures("draft")
def test_title_comes_from_the_notebook() -> None:
    first, second = Chapter("00_ipv6_first.ipynb", "?", 1), Chapter("01_bind_more.ipynb", "?", 1)
    assert (first.written, first.title) == (True, "A heading of IPv6")
    assert (second.written, second.title) == (False, "Bind more")


def test_refuses_a_notebook_without_a_heading(draft: Path) -> None:
    (draft / "01_empty.ipynb").write_text('{"cells": []}')
    with pytest.raises(ValueError, match=r"'01_empty.ipynb' has no heading"):
        _ = Chapter("01_empty.ipynb", "?", 1).title


def test_navigation_names_the_neighbours():
    first, second = CHAPTERS[0], CHAPTERS[1]
    assert navigation(first) == f"Next: [{second.title}]({second.file}) →"
    assert navigation(second).startswith(f"← [{first.title}]({first.file}) · Next: ")
    assert "Next" not in navigation(CHAPTERS[-1])


def test_new_navigation_replaces_an_older_one():
    cells = [
        {"cell_type": "markdown", "source": ["## Recap\n", "\n", "Next: [Gone](gone.ipynb) →"]},
        {"cell_type": "code", "source": []},
    ]
    once = navigated(json.dumps({"cells": cells}), CHAPTERS[1])
    assert (
        "".join(json.loads(once)["cells"][0]["source"]) == f"## Recap\n\n{navigation(CHAPTERS[1])}"
    )
    assert navigated(once, CHAPTERS[1]) == once


def test_links_only_to_written_chapters():
    for one in CHAPTERS:
        assert (f"[{one.title}](notebooks/{one.file})" in readme_table()) == one.written
        assert (f"| {one.title} (to come) |" in readme_table()) != one.written


@pytest.mark.parametrize(
    "name", ["02", "02_bind_listen_accept", "02_bind_listen_accept.ipynb", "Bind, listen, accept"]
)
def test_finds_a_chapter_by_any_name(name):
    assert chapter(name) is CHAPTERS[2]


def test_unknown_chapter_lists_the_chapters():
    with pytest.raises(LookupError, match=r"no chapter '77'; the chapters are 00_start_here"):
        chapter("77")
