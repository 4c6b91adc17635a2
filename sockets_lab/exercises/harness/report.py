"""What a check says: each behaviour with what was expected, what was seen, and a hint."""

from collections.abc import Iterator
from html import escape
from textwrap import fill
from typing import Any, NamedTuple

__all__ = ["REPORT_JSON", "Incomplete", "Report", "Result"]

REPORT_JSON = "application/vnd.sockets-lab.report+json"

_WIDTH = 88
_MARKS = {True: ("✓", "ok"), False: ("✗", "not yet"), None: ("·", "not tried")}


class Incomplete(Exception):
    """An answer does not show every behaviour yet; the message is the whole report."""


class Result(NamedTuple):
    """How one behaviour went; `passed` is None when it was not tried, and `observed` says why."""

    name: str
    passed: bool | None
    expected: str
    observed: str = ""
    hint: str = ""

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        """What there is to read beside the name, as (heading, words)."""
        if self.passed:
            return ()
        if self.passed is None:
            return (("reason", self.observed),) if self.observed else ()
        return (("expected", self.expected), ("observed", self.observed), ("hint", self.hint))


class Report(NamedTuple):
    """The outcomes of one check; `note` stands above them, for example "not started yet"."""

    title: str
    outcomes: tuple[Result, ...]
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether something was tried, and everything that was tried is shown."""
        shown, tried = self.score
        return 0 < tried == shown

    @property
    def score(self) -> tuple[int, int]:
        """How many behaviours are shown, and how many were tried."""
        tried = [outcome.passed for outcome in self.outcomes if outcome.passed is not None]
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
        rows = "".join(map(_row, self.outcomes))
        caption = f"<strong>{escape(self.title)}</strong>: {escape(_summary(self))}"
        return (
            '<table style="border-collapse: collapse">'
            f'<caption style="{_LOOK}; caption-side: top">{caption}</caption>'
            f"<thead><tr>{_th('result', 'col')}{_th('behaviour', 'col')}</tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Words, an accessible table, and the same for machines."""
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
            "outcomes": [outcome._asdict() for outcome in self.outcomes],
        }


def _summary(report: Report) -> str:
    if report.note:
        return report.note
    shown, tried = report.score
    left_out = len(report.outcomes) - tried
    words = f"{shown} of {tried} behaviours ok"
    return words + (f", {left_out} not tried" if left_out else "")


def _lines(report: Report) -> Iterator[str]:
    for outcome in report.outcomes:
        glyph, word = _MARKS[outcome.passed]
        if report.note and not outcome.observed:  # nothing was tried: a list of what will be
            yield f"{glyph} {outcome.name}"
            continue
        yield f"{glyph} {word:<9}  {outcome.name}"
        yield from (_indented(f"{heading}: {words}") for heading, words in outcome.details)


def _indented(text: str) -> str:
    return fill(text, _WIDTH, initial_indent=" " * 13, subsequent_indent=" " * 15)


_LOOK = "text-align: left; vertical-align: top; padding: 0.3em 0.8em; white-space: normal"
# A bar in a colour of its own beside glyph and word: no meaning hangs on the colour alone.
_BARS = {True: "#009e73", False: "#d55e00", None: "#888888"}


def _row(outcome: Result) -> str:
    glyph, word = _MARKS[outcome.passed]
    look = f"{_LOOK}; white-space: nowrap; border-left: 0.3em solid {_BARS[outcome.passed]}"
    mark = f'<span aria-hidden="true">{glyph}</span> {word}'
    details = "".join(
        f"<br><em>{heading}:</em> {escape(words)}" for heading, words in outcome.details
    )
    name = f'<td style="{_LOOK}"><strong>{escape(outcome.name)}</strong>{details}</td>'
    return f'<tr><th scope="row" style="{look}">{mark}</th>{name}</tr>'


def _th(text: str, scope: str) -> str:
    return f'<th scope="{scope}" style="{_LOOK}">{text}</th>'
