"""Claims about measured numbers, each judged: true here, or false here.

Measured numbers differ from run to run, so a picture's words contain none of them. Instead the
caller makes claims that should hold wherever the lesson is true, and the words say if they do.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sockets_lab.figures.canvas.card import Card, wrap
from sockets_lab.figures.canvas.units import digits

__all__ = ["JudgedClaim", "claims_height", "compare", "draw_claims", "times_as_much"]

_LINE, _GAP, _INDENT = 18.0, 8.0, 26.0


class JudgedClaim(NamedTuple):
    """A claim in words, if it holds here, and the measured number, for the drawing alone."""

    words: str
    holds: bool
    here: str = ""

    def __str__(self) -> str:
        return f"{self.words}: {'true' if self.holds else 'false'}"


def compare(subject: str, factor: float, other: str, more: float, less: float) -> JudgedClaim:
    """Judge the claim "`subject` is more than `factor` times `other`" by their values.

    more, less: the value of `subject`, and that of `other`

    Raises ValueError for a factor that is not above 0.
    """
    if not factor > 0:
        raise ValueError(f"a claim's factor must be a number above 0, not {factor!r}")
    how = "more than" if factor == 1 else f"more than {factor:g} times"
    return JudgedClaim(
        f"{subject} is {how} {other}", more > factor * less, times_as_much(more, less)
    )


def times_as_much(more: float, less: float, what: str = "") -> str:
    """Return `more` in times of `less`, to three digits: "3 times here", "3 times as long here".

    `what` says in which way it is more, such as "as long". Return "" if `more` is not more.
    """
    if less <= 0 or more <= less:
        return ""
    words = [digits(more / less), "times", *[what] * bool(what), "here"]
    return " ".join(words).replace(" ", "\N{NO-BREAK SPACE}")


def claims_height(claims: Sequence[JudgedClaim], width: float) -> float:
    """Return the height that `draw_claims` needs, in CSS pixels, with some room above."""
    return sum(_LINE * len(_lines(one, width)) + _GAP for one in claims) + _GAP * bool(claims)


def draw_claims(card: Card, claims: Sequence[JudgedClaim], top: float, width: float) -> None:
    """Write the claims one below the other, from `top` down, each with its sign."""
    y = top + _GAP + _LINE / 2
    for claim in claims:
        card.verdict(32, y, good=claim.holds)
        lines = _lines(claim, width)
        for at, line in enumerate(lines):
            card.text(24 + _INDENT, y + _LINE * at, line)
        y += _LINE * len(lines) + _GAP


def _lines(claim: JudgedClaim, width: float) -> list[str]:
    words = f"{claim}, {claim.here}" if claim.here else str(claim)
    return wrap(words, width - 48 - _INDENT)
