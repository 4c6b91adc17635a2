"""Claims about what was measured, each with its ruling: true here, or false.

Measured numbers differ by the run, so a picture's words tell none of them. What they tell is up to
whoever draws it: a claim that should hold wherever the lesson is true.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sockets_lab.figures.canvas.card import Card, wrap
from sockets_lab.figures.canvas.units import digits

__all__ = ["JudgedClaim", "compared", "draw_claims", "height_of", "in_times"]

_LINE, _GAP, _INDENT = 18.0, 8.0, 26.0


class JudgedClaim(NamedTuple):
    """A claim in words, whether it holds here, and the number behind it, for the picture alone."""

    words: str
    holds: bool
    here: str = ""

    def __str__(self) -> str:
        return f"{self.words}: {'true' if self.holds else 'false'}"


def compared(subject: str, factor: float, other: str, more: float, less: float) -> JudgedClaim:
    """The ruling on "`subject` is more than `factor` times `other`", which are `more` and `less`.

    ValueError for a factor that is not above 0.
    """
    if not factor > 0:
        raise ValueError(f"a claim's factor is a number above 0, not {factor!r}")
    how = "more than" if factor == 1 else f"more than {factor:g} times"
    return JudgedClaim(f"{subject} is {how} {other}", more > factor * less, in_times(more, less))


def in_times(more: float, less: float, what: str = "") -> str:
    """How many times `less` goes into `more`, to three digits, or "" where that says nothing.

    `what` says in which way it is more: "3 times here", "3 times as long here".
    """
    if less <= 0 or more <= less:
        return ""
    said = [digits(more / less), "times", *[what] * bool(what), "here"]
    return " ".join(said).replace(" ", "\N{NO-BREAK SPACE}")


def height_of(rulings: Sequence[JudgedClaim], width: float) -> float:
    """How many pixels high `draw_claims` draws them, with room above."""
    return sum(_LINE * len(_lines(one, width)) + _GAP for one in rulings) + _GAP * bool(rulings)


def draw_claims(card: Card, rulings: Sequence[JudgedClaim], top: float, width: float) -> None:
    """Draw each with its sign, one below the other, from `top` down."""
    y = top + _GAP + _LINE / 2
    for ruling in rulings:
        card.verdict(32, y, good=ruling.holds)
        lines = _lines(ruling, width)
        for at, line in enumerate(lines):
            card.text(24 + _INDENT, y + _LINE * at, line)
        y += _LINE * len(lines) + _GAP


def _lines(ruling: JudgedClaim, width: float) -> list[str]:
    told = f"{ruling}, {ruling.here}" if ruling.here else str(ruling)
    return wrap(told, width - 48 - _INDENT)
