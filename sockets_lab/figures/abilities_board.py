"""What this machine can show, and what it cannot, and why."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from sockets_lab.abilities import Ability
from sockets_lab.figures.card import Card, house_settings, text_width, wrap
from sockets_lab.figures.palette import CARD, FAINT, GOOD, INK, SOFT, role_hue
from sockets_lab.figures.picture import Picture

__all__ = ["abilities_board"]

_TOP, _LEAD, _TEXT, _SIZE = 84.0, 18.0, 530.0, 12.0
_MISSING = role_hue("listener")


def abilities_board(
    abilities: Sequence[Ability], *, title: str = "What this machine can show"
) -> Picture:
    """Draw a board of `abilities`: what each shows, or why it is lacking and how to get it.

    Raises ValueError when there is none.
    """
    rows = list(abilities)
    if not rows:
        raise ValueError("nothing to draw: give at least one ability, such as all_abilities()")
    with house_settings():
        return Picture(_draw(rows, title), _words(rows))


def _words(abilities: Sequence[Ability]) -> str:
    return "\n".join(f"{one.name}: {'yes' if one.has else 'no'}, {_says(one)}" for one in abilities)


def _says(one: Ability) -> str:
    """Return what an ability shows; if it is lacking, why, and what would help."""
    if one.has:
        return one.shows
    return "; ".join(text for text in (one.lacking, one.remedy) if text)


class _Block(NamedTuple):
    ability: Ability
    lines: list[tuple[str, str]]
    """Text and its ink."""

    @property
    def height(self) -> float:
        return _LEAD * len(self.lines) + 18


def _block(one: Ability) -> _Block:
    lines = [(text, INK if one.has else SOFT) for text in wrap(one.shows, _TEXT, _SIZE)]
    if not one.has:
        lines += [(text, _MISSING.ink) for text in wrap(one.lacking, _TEXT, _SIZE)]
        remedy = f"how to get it: {one.remedy}" if one.remedy else ""
        lines += [(text, SOFT) for text in wrap(remedy, _TEXT, _SIZE) if text]
    return _Block(one, lines)


def _draw(abilities: Sequence[Ability], title: str) -> Figure:
    blocks = [_block(one) for one in abilities]
    have = sum(one.has for one in abilities)
    note = f"{have} of {len(abilities)} abilities, found out by trying"
    names = 96 + max(text_width(one.name, 12.5, bold=True) for one in abilities) + 28
    widest = max(text_width(text, _SIZE) for block in blocks for text, _ in block.lines)
    card = Card(names + widest + 28, _TOP + sum(b.height for b in blocks) + 14, title, note)
    y = _TOP
    for at, block in enumerate(blocks):
        if at:
            card.line([(24, y), (card.width - 24, y)], FAINT, stroke=1)
        _draw_block(card, block, y + 18, names)
        y += block.height
    return card.figure


def _draw_block(card: Card, block: _Block, y: float, left: float) -> None:
    one = block.ability
    if one.has:
        card.disc(36, y, 10, GOOD.line, GOOD.line)
        card.tick(36, y, 4.5, CARD)
    else:
        card.disc(36, y, 10, "none", _MISSING.line)
        card.cross(36, y, 3.6, _MISSING.line)
    hue = GOOD if one.has else _MISSING
    card.text(56, y, "yes" if one.has else "no", bold=True, ink=hue.ink)
    card.text(96, y, one.name, size=12.5, bold=True)
    for at, (text, ink) in enumerate(block.lines):
        card.text(left, y + _LEAD * at, text, size=_SIZE, ink=ink)
