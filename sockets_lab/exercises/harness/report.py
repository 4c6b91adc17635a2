"""The report of a check: each behaviour with what was expected and observed, and a hint."""

from collections.abc import Iterator
from html import escape
from textwrap import fill
from typing import Any, NamedTuple

__all__ = ["REPORT_JSON", "Incomplete", "Report", "Result"]

REPORT_JSON = "application/vnd.sockets-lab.report+json"

_WIDTH = 88
_MARKS = {True: ("✓", "ok"), False: ("✗", "not yet"), None: ("·", "not tried")}


class Incomplete(Exception):
    """The answer does not show every behaviour yet; the message is the whole report."""


class Result(NamedTuple):
    """The result of one behaviour; `passed` is None if `observed` says why it was not tried."""

    name: str
    passed: bool | None
    expected: str
    observed: str = ""
    hint: str = ""

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        """Return what the report shows under the name, as (heading, words)."""
        if self.passed:
            return ()
        if self.passed is None:
            return (("reason", self.observed),) if self.observed else ()
        return (("expected", self.expected), ("observed", self.observed), ("hint", self.hint))


class Report(NamedTuple):
    """The results of one check; `note` comes before them, for example "not started yet"."""

    title: str
    results: tuple[Result, ...]
    note: str = ""

    @property
    def passed(self) -> bool:
        """Return True if something was tried, and everything that was tried is shown."""
        shown, tried = self.score
        return 0 < tried == shown

    @property
    def score(self) -> tuple[int, int]:
        """Return how many behaviours are shown, and how many were tried."""
        tried = [result.passed for result in self.results if result.passed is not None]
        return sum(tried), len(tried)

    def require(self) -> None:
        """Raise Incomplete, with this report as its message, unless the answer passed."""
        if not self.passed:
            raise Incomplete(str(self))

    def __str__(self) -> str:
        return "\n".join([f"{self.title}: {_summary(self)}", "", *_lines(self)])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        rows = "".join(map(_row, self.results))
        caption = f"<strong>{escape(self.title)}</strong>: {escape(_summary(self))}"
        return (
            '<table style="border-collapse: collapse">'
            f'<caption style="{_LOOK}; caption-side: top">{caption}</caption>'
            f"<thead><tr>{_th('result', 'col')}{_th('behaviour', 'col')}</tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return the report as text, as an accessible table, and as JSON for programs."""
        return {
            "text/plain": str(self),
            "text/html": self._repr_html_(),
            REPORT_JSON: self.as_json(),
        }

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values, for programs that collect it."""
        shown, tried = self.score
        return {
            "title": self.title,
            "passed": self.passed,
            "shown": shown,
            "tried": tried,
            "note": self.note,
            "results": [result._asdict() for result in self.results],
        }


def _summary(report: Report) -> str:
    if report.note:
        return report.note
    shown, tried = report.score
    left_out = len(report.results) - tried
    words = f"{shown} of {tried} behaviours ok"
    return words + (f", {left_out} not tried" if left_out else "")


def _lines(report: Report) -> Iterator[str]:
    for result in report.results:
        glyph, word = _MARKS[result.passed]
        if report.note and not result.observed:  # nothing was tried: a list of what will be
            yield f"{glyph} {result.name}"
            continue
        yield f"{glyph} {word:<9}  {result.name}"
        yield from (_indented(f"{heading}: {words}") for heading, words in result.details)


def _indented(text: str) -> str:
    return fill(text, _WIDTH, initial_indent=" " * 13, subsequent_indent=" " * 15)


_LOOK = "text-align: left; vertical-align: top; padding: 0.3em 0.8em; white-space: normal"
# A coloured bar beside glyph and word: no meaning depends on the colour alone (WCAG 1.4.1).
_BARS = {True: "#009e73", False: "#d55e00", None: "#888888"}


def _row(result: Result) -> str:
    glyph, word = _MARKS[result.passed]
    look = f"{_LOOK}; white-space: nowrap; border-left: 0.3em solid {_BARS[result.passed]}"
    mark = f'<span aria-hidden="true">{glyph}</span> {word}'
    details = "".join(
        f"<br><em>{heading}:</em> {escape(words)}" for heading, words in result.details
    )
    name = f'<td style="{_LOOK}"><strong>{escape(result.name)}</strong>{details}</td>'
    return f'<tr><th scope="row" style="{look}">{mark}</th>{name}</tr>'


def _th(text: str, scope: str) -> str:
    return f'<th scope="{scope}" style="{_LOOK}">{text}</th>'
