"""Board of capabilities: what this machine can show, what it cannot, and why."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from sockets_lab.capabilities import Capability
from sockets_lab.figures.canvas.card import Card, house_settings, text_width, wrap
from sockets_lab.figures.canvas.palette import CARD, FAINT, GOOD, INK, SOFT, role_hue
from sockets_lab.figures.canvas.picture import Picture

__all__ = ["capabilities_board"]

_TOP, _LEAD, _TEXT, _SIZE = 84.0, 18.0, 530.0, 12.0
_MISSING = role_hue("listener")


def capabilities_board(
    capabilities: Sequence[Capability], *, title: str = "What this machine can show"
) -> Picture:
    """Draw a board of `capabilities`: what each shows, or why it is missing and how to get it.

    Raises ValueError for no capabilities.
    """
    rows = list(capabilities)
    if not rows:
        raise ValueError(
            "nothing to draw: give at least one capability, such as all_capabilities()"
        )
    with house_settings():
        return Picture(_draw(rows, title), _words(rows))


def _words(capabilities: Sequence[Capability]) -> str:
    return "\n".join(
        f"{one.name}: {'yes' if one.has else 'no'}, {_explain(one)}" for one in capabilities
    )


def _explain(one: Capability) -> str:
    """Return what a capability shows; if it is missing, why, and how to get it."""
    if one.has:
        return one.shows
    return "; ".join(text for text in (one.lacking, one.remedy) if text)


class _Block(NamedTuple):
    """One capability, and the lines written about it."""

    capability: Capability
    lines: list[tuple[str, str]]
    """Text and its ink."""

    @property
    def height(self) -> float:
        return _LEAD * len(self.lines) + 18


def _block(one: Capability) -> _Block:
    lines = [(text, INK if one.has else SOFT) for text in wrap(one.shows, _TEXT, _SIZE)]
    if not one.has:
        lines += [(text, _MISSING.ink) for text in wrap(one.lacking, _TEXT, _SIZE)]
        remedy = f"how to get it: {one.remedy}" if one.remedy else ""
        lines += [(text, SOFT) for text in wrap(remedy, _TEXT, _SIZE) if text]
    return _Block(one, lines)


def _draw(capabilities: Sequence[Capability], title: str) -> Figure:
    blocks = [_block(one) for one in capabilities]
    have = sum(one.has for one in capabilities)
    note = f"{have} of {len(capabilities)} capabilities, found by trying them"
    names = 96 + max(text_width(one.name, 12.5, bold=True) for one in capabilities) + 28
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
    one = block.capability
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
