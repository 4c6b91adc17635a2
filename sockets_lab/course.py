"""The course as a list: the one place that orders the chapters.

Navigation at the foot of each notebook and the README's table are made from `CHAPTERS`, so that a
chapter is added, renamed or moved in one line.
"""

from typing import NamedTuple

__all__ = ["CHAPTERS", "GLOSSARY", "Chapter", "chapter", "navigation", "readme_table"]


GLOSSARY = "glossary.ipynb"  # every term, and the chapter that explains it; no chapter itself


class Chapter(NamedTuple):
    """One notebook of the course; `minutes` is a learner's time, not the machine's."""

    file: str
    title: str
    question: str
    minutes: int
    written: bool = False

    @property
    def number(self) -> str:
        """The two digits that open the file's name."""
        return self.file[:2]


CHAPTERS = (
    Chapter(
        "00_start_here.ipynb",
        "Start here",
        "What is on my machine, and how do these notebooks work?",
        25,
        written=True,
    ),
    Chapter(
        "01_what_a_server_socket_is.ipynb",
        "What a server socket is",
        "What is a socket, and what identifies it?",
        45,
        written=True,
    ),
    Chapter(
        "02_bind_listen_accept.ipynb",
        "Bind, listen, accept",
        "Which call changes what?",
        50,
        written=True,
    ),
    Chapter(
        "03_the_two_queues.ipynb",
        "The two queues",
        "What happens to clients before accept?",
        50,
        written=True,
    ),
    Chapter(
        "04_a_byte_stream.ipynb",
        "A byte stream",
        "Why did my message arrive in pieces?",
        60,
        written=True,
    ),
    Chapter(
        "05_closing.ipynb",
        "Closing",
        "How does a conversation end?",
        50,
        written=True,
    ),
    Chapter(
        "06_blocking_and_waiting.ipynb",
        "Blocking and waiting",
        "Is non-blocking the same as asynchronous?",
        50,
        written=True,
    ),
    Chapter(
        "07_serving_many.ipynb",
        "Serving many",
        "How does one server talk to many clients?",
        60,
        written=True,
    ),
    Chapter(
        "08_event_loops.ipynb",
        "Event loops",
        "How do ten thousand connections fit in one thread?",
        60,
        written=True,
    ),
    Chapter(
        "09_coroutines.ipynb",
        "Coroutines",
        "What does async/await add?",
        50,
        written=True,
    ),
    Chapter(
        "10_ipv4_ipv6_dual_stack.ipynb",
        "IPv4, IPv6, dual stack",
        "Which address, and who can reach it?",
        60,
        written=True,
    ),
    Chapter(
        "11_tls.ipynb",
        "TLS",
        "What does TLS add, and what does it not?",
        60,
        written=True,
    ),
    Chapter(
        "12_attack_and_defence.ipynb",
        "Attack and defence",
        "How is an open door abused, and what holds?",
        60,
        written=True,
    ),
    Chapter(
        "13_a_web_server.ipynb",
        "A web server",
        "How does a browser talk to my socket?",
        60,
    ),
    Chapter(
        "14_streaming_and_market_data.ipynb",
        "Streaming and market data",
        "What changes when data never ends?",
        60,
    ),
    Chapter(
        "15_the_article_on_trial.ipynb",
        "The article on trial",
        "Was the article right?",
        45,
    ),
)


def chapter(name: str) -> Chapter:
    """Find a chapter by its number ("02"), its file's name or its title.

    Raises LookupError when no chapter goes by that name.
    """
    for one in CHAPTERS:
        if name in (one.number, one.file, one.file.removesuffix(".ipynb"), one.title):
            return one
    raise LookupError(
        f"no chapter {name!r}; the chapters are {', '.join(c.file for c in CHAPTERS)}"
    )


def navigation(here: Chapter) -> str:
    """Write the Markdown line that ends a notebook: the chapter before it and the one after it."""
    at = CHAPTERS.index(here)
    parts = []
    if at > 0:
        parts.append(f"← {_link(CHAPTERS[at - 1])}")
    if at + 1 < len(CHAPTERS):
        parts.append(f"Next: {_link(CHAPTERS[at + 1])} →")
    return " · ".join(parts)


def readme_table() -> str:
    """Write the README's table of chapters in Markdown, without a line end after its last row."""
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
