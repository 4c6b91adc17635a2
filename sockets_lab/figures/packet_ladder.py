"""Segments of a capture as a ladder between lifelines, with the TCP state of each end."""

from collections.abc import Iterable, Iterator

from matplotlib.figure import Figure

from sockets_lab.figures.canvas.card import Card, house_settings, text_width
from sockets_lab.figures.canvas.palette import (
    CARD,
    FAINT,
    SOFT,
    WARNING,
    Hue,
    kind_of,
    look_of_state,
    role_hue,
)
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.figures.packets.ladder import Gap, Ladder, Rung, SegmentRecord, States, make_ladder
from sockets_lab.figures.packets.ladder_layout import (
    BESIDE,
    CLOCK,
    HEAD,
    LABEL,
    LEAD,
    NOTE,
    SHORT,
    SLANT,
    TAG,
    LadderLayout,
    Spell,
    make_layout,
    neighbour,
    time_of,
)

__all__ = ["packet_ladder"]


def packet_ladder(
    capture: Iterable[SegmentRecord],
    *,
    states: States | None = None,
    title: str = "Segment by segment",
) -> Picture:
    """Draw the segments of `capture` as arrows between the ends, time flowing downwards.

    `capture` is a `sockets_lab.capture.Capture`; what was done is written beside the segments that
    it caused, if the capture was marked. `states` is what `sockets_lab.capture.states(capture)`
    returns: for each segment the TCP states after it, by role (RFC 9293, section 3.3.2). They are
    written where they change.

    An end acknowledges immediately, or with its next segment: that differs from run to run. For
    words that are the same every time, draw `capture.without_bare_acks()`.

    Raises ValueError for an empty capture, and for `states` of another capture.
    """
    segments = list(capture)
    if not segments:
        raise ValueError("nothing to draw: the capture holds no segment")
    ladder = make_ladder(segments, states, getattr(capture, "steps", ()))
    with house_settings():
        return Picture(_draw(ladder, title), "\n".join(_words(ladder)))


# --- words --------------------------------------------------------------------------------------


def _words(ladder: Ladder) -> Iterator[str]:
    for stage in ladder.stages:
        yield from [f"{stage.words}:{' no segment' * (not stage.rows)}"] * bool(stage.words)
        yield from (f"{'  ' * bool(stage.words)}{_in_words(row)}" for row in stage.rows)


def _in_words(row: Rung | Gap) -> str:
    if isinstance(row, Gap):
        return row.label
    after = ", ".join(f"{role} {state}" for role, state in row.changes.items())
    return f"{row.sender} -> {row.receiver}: {row.label}" + (f"; now {after}" if after else "")


# --- drawing ------------------------------------------------------------------------------------

_LONG = 16
"""With more rows than this, the names of the lanes are written again at the bottom."""


def _draw(ladder: Ladder, title: str) -> Figure:
    layout = make_layout(ladder)
    foot = 34 if len(layout.rows) > _LONG else 0
    card = Card(layout.width, layout.bottom + foot + 16, title, NOTE)
    card.text(layout.times, HEAD - 14, CLOCK, size=TAG, ink=SOFT, align="right")
    for role in ladder.lanes:
        _header(card, layout, role, HEAD - 14)
        if foot:
            _header(card, layout, role, layout.bottom + 18)
        _lane(card, layout, role)
    for top, lines in zip(layout.tops, layout.done, strict=True):
        _stage(card, layout, top, lines)
    for spell in layout.spells:
        _spell(card, layout, spell)
    for row, y in zip(ladder.rows, layout.rows, strict=True):
        if isinstance(row, Rung):
            _rung(card, layout, row, y)
        else:
            _gap(card, layout, row, y)
    return card.figure


def _header(card: Card, layout: LadderLayout, role: str, y: float) -> None:
    hue, x = role_hue(kind_of(role)), layout.lanes[role]
    width = text_width(role, 12, bold=True) + 22
    card.box(x - width / 2, y - 13, width, 26, hue.tint, hue.line, radius=7, level=4)
    card.text(x, y, role, bold=True, ink=hue.ink, align="center")


def _lane(card: Card, layout: LadderLayout, role: str) -> None:
    x, (start, end) = layout.lanes[role], layout.lives[role]
    card.line([(x, start), (x, end)], role_hue(kind_of(role)).line, stroke=2.2)


def _stage(card: Card, layout: LadderLayout, top: float, lines: list[str]) -> None:
    if any(layout.done):
        card.line([(24, top), (layout.width - 24, top)], FAINT, stroke=1, level=0.5)
    for at, line in enumerate(lines):
        card.text(24, top + 24 + LEAD * at, line, size=TAG, ink=SOFT)


def _spell(card: Card, layout: LadderLayout, spell: Spell) -> None:
    """Draw a state: a strip along the lane while it lasts, and its name where it starts."""
    x, look, side = layout.lanes[spell.role], look_of_state(spell.state), layout.sides[spell.role]
    if spell.state != "CLOSED":
        strip = (x - 5, spell.top, 10, spell.bottom - spell.top)
        card.box(*strip, look.fill, look.edge + "77", radius=3, stroke=0, hatch=look.hatch, level=3)
        card.box(*strip, "none", look.edge, radius=3, level=3.1)
    card.pill(x + side * BESIDE, spell.top, spell.state, align="left" if side > 0 else "right")


def _rung(card: Card, layout: LadderLayout, rung: Rung, y: float) -> None:
    source, target = layout.lanes[rung.sender], layout.lanes[rung.receiver]
    direction, clear = 1 if target > source else -1, 7 if layout.spells else 3
    hue = WARNING if "RST" in rung.flags else role_hue(kind_of(rung.sender))
    start = (source + direction * clear, y)
    end = (target - direction * (SHORT if rung.unanswered else clear), y + SLANT)
    card.text(layout.times, y, time_of(rung), size=TAG, ink=SOFT, align="right")
    card.arrow(start, end, hue.line, dashed=rung.again, level=3.5)
    if rung.unanswered:
        card.cross(target - direction * (SHORT - 13), y + SLANT, 5, WARNING.line)
    near = layout.lanes[neighbour(tuple(layout.lanes), rung)]
    x = (start[0] + min(near, end[0], key=lambda at: abs(at - source))) / 2
    _label(card, x, y + SLANT * (x - start[0]) / (end[0] - start[0]), rung, hue)


def _label(card: Card, x: float, y: float, rung: Rung, hue: Hue) -> None:
    half = text_width(rung.label, LABEL, bold=rung.opens_or_closes) / 2 + 6
    card.box(x - half, y - 9, 2 * half, 18, CARD, stroke=0, level=3.6)
    card.text(x, y, rung.label, size=LABEL, ink=hue.ink, bold=rung.opens_or_closes, align="center")


def _gap(card: Card, layout: LadderLayout, gap: Gap, y: float) -> None:
    """Draw three dots for the segments left out, and write how many there are."""
    x = (layout.lanes[gap.sender] + layout.lanes[neighbour(tuple(layout.lanes), gap)]) / 2
    half = text_width(gap.label, LABEL) / 2
    for at in (-6, 0, 6):
        card.disc(x - half - 14, y + 2 + at, 1.6, SOFT)
    card.text(x, y + 2, gap.label, size=LABEL, ink=SOFT, align="center")
