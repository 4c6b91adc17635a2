"""The chapters of the course, in order.

Navigation at the foot of each notebook and the README's table are made from `CHAPTERS`, so that
chapters are added and reordered in one list.
"""

import json
from pathlib import Path
from typing import NamedTuple

from sockets_lab.course_files import find_course_files

__all__ = ["CHAPTERS", "GLOSSARY", "Chapter", "chapter", "navigation", "readme_table"]


GLOSSARY = "glossary.ipynb"  # every term, and the chapter that explains it; not a chapter


class Chapter(NamedTuple):
    """One notebook of the course; `minutes` is a learner's time, not the machine's."""

    file: str
    question: str
    minutes: int

    @property
    def number(self) -> str:
        """Return the two digits at the start of the file's name."""
        return self.file[:2]

    @property
    def written(self) -> bool:
        """Return True if the notebook exists."""
        return self._path.is_file()

    @property
    def title(self) -> str:
        """Return the notebook's H1; until it is written, the words of the file's name."""
        if self.written:
            return _heading(self._path)
        return self._path.stem[3:].replace("_", " ").capitalize()

    @property
    def _path(self) -> Path:
        return find_course_files().notebooks / self.file


def _heading(notebook: Path) -> str:
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            for line in "".join(cell["source"]).splitlines():
                if line.startswith("# "):
                    return line.removeprefix("# ")
    raise ValueError(f"{notebook.name!r} has no heading: begin it with a line such as '# Title'")


CHAPTERS = (
    Chapter("00_start_here.ipynb", "What is on my machine, and how do these notebooks work?", 25),
    Chapter("01_what_a_server_socket_is.ipynb", "What is a socket, and what identifies it?", 45),
    Chapter("02_bind_listen_accept.ipynb", "Which call changes what?", 50),
    Chapter("03_the_two_queues.ipynb", "What happens to clients before accept?", 50),
    Chapter("04_a_byte_stream.ipynb", "Why did my message arrive in pieces?", 60),
    Chapter("05_closing.ipynb", "How does a conversation end?", 50),
    Chapter("06_blocking_and_waiting.ipynb", "Is non-blocking the same as asynchronous?", 50),
    Chapter("07_serving_many.ipynb", "How does one server talk to many clients?", 60),
    Chapter("08_event_loops.ipynb", "How do ten thousand connections fit in one thread?", 60),
    Chapter("09_coroutines.ipynb", "What does async/await add?", 50),
    Chapter("10_ipv4_ipv6_dual_stack.ipynb", "Which address, and who can reach it?", 60),
    Chapter("11_tls.ipynb", "What does TLS add, and what does it not?", 60),
    Chapter("12_attack_and_defence.ipynb", "How is an open door abused, and what holds?", 60),
    Chapter("13_a_web_server.ipynb", "How does a browser talk to my socket?", 60),
    Chapter("14_streaming_and_market_data.ipynb", "What changes when data never ends?", 60),
    Chapter("15_the_article_on_trial.ipynb", "Was the article right?", 45),
)


def chapter(name: str) -> Chapter:
    """Find a chapter by its number ("02"), its file's name or its title.

    Raises LookupError when there is no such chapter.
    """
    for one in CHAPTERS:
        if name in (one.number, one.file, one.file.removesuffix(".ipynb"), one.title):
            return one
    raise LookupError(
        f"no chapter {name!r}; the chapters are {', '.join(c.file for c in CHAPTERS)}"
    )


def navigation(here: Chapter) -> str:
    """Return the Markdown line that ends a notebook: the chapter before it and the one after it."""
    at = CHAPTERS.index(here)
    parts = []
    if at > 0:
        parts.append(f"← {_link(CHAPTERS[at - 1])}")
    if at + 1 < len(CHAPTERS):
        parts.append(f"Next: {_link(CHAPTERS[at + 1])} →")
    return " · ".join(parts)


def readme_table() -> str:
    """Return the README's table of chapters in Markdown, without a line end after its last row."""
    rows = [
        "| | chapter | its question | minutes |",
        "|---|---|---|---|",
        *(
            f"| {one.number} | {_link(one, 'notebooks/')} | {one.question} | {one.minutes} |"
            for one in CHAPTERS
        ),
    ]
    return "\n".join(rows)


def _link(to: Chapter, folder: str = "") -> str:
    """Link to a chapter that is written; name one that is still to come."""
    return f"[{to.title}]({folder}{to.file})" if to.written else f"{to.title} (to come)"
