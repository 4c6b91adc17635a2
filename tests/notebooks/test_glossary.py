"""The glossary explains the words that chapters set in bold, all of them and no others."""

import json
import re
from pathlib import Path

from sockets_lab.course import CHAPTERS

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
OPENING = "The question."  # the one bold phrase of every chapter that is not a term


def bold(name: str) -> list[str]:
    cells = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.findall(r"\*\*(.+?)\*\*", text)


def test_explains_every_bold_word_and_no_other() -> None:
    used = {word for one in CHAPTERS if one.written for word in bold(one.file)} - {OPENING}
    assert set(bold("glossary.ipynb")) == used


def test_is_in_order() -> None:
    words = [word.casefold() for word in bold("glossary.ipynb")]
    assert words == sorted(words)
    assert len(words) > 30
