"""Draw one direction of a connection as a line of bytes: sends above it, receives below."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from typing import Literal

from matplotlib.figure import Figure

from sockets_lab.figures.calls.stream import Stream, StreamSide, stream_of
from sockets_lab.figures.calls.stream_layout import (
    LABEL,
    Box,
    StreamLayout,
    make_layout,
    sign_of,
    summary,
)
from sockets_lab.figures.canvas.card import Card, house_settings, text_width
from sockets_lab.figures.canvas.palette import (
    BORDER,
    CARD,
    GROUND,
    INK,
    SOFT,
    UNREAD,
    WARNING,
    Hue,
    kind_of,
    role_hue,
)
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.figures.canvas.units import many, times, unit_for
from sockets_lab.recording import Call

__all__ = ["boundaries"]

Detail = Literal["sizes", "counts", "relations"]


def boundaries(
    source: Iterable[Call],
    *,
    sender: str,
    receiver: str,
    detail: Detail = "sizes",
    title: str = "Where the stream was cut",
) -> Picture:
    """Draw the bytes that `sender` sent to `receiver`, cut by the sends and by the receives.

    `source` is a `Recording`, or any calls of one; `sender` and `receiver` are the roles of the two
    ends of a connection. What `recv` only looked at (MSG_PEEK) does not count.

    `detail` is how much is the same on every run and so belongs in the words: the "sizes" of all
    calls; where the receives differ, the "counts" of the sends and how the receives compare with
    them; where the sends differ too, only "relations".

    Raises ValueError when `sender` sent no bytes, and for roles that are not the two ends of one
    connection.
    """
    if detail not in _WORDS:
        raise ValueError(f"detail must be one of {', '.join(map(repr, _WORDS))}, not {detail!r}")
    stream = stream_of(tuple(source), sender, receiver)
    with house_settings():
        return Picture(_draw(stream, title), "\n".join([*_WORDS[detail](stream), *_ending(stream)]))


# --- words --------------------------------------------------------------------------------------


def _sizes(stream: Stream) -> list[str]:
    lines = [
        f"{side.role} {verb} {_in_sizes(side)}"
        for side, verb in ((stream.sent, "sent"), (stream.received, "received"))
    ]
    lines.append(_boundary_counts(stream))
    return [*lines, f"not received: {many(stream.left, 'byte')}" if stream.left else _ALL]


def _in_sizes(side: StreamSide) -> str:
    return f"{times(len(side.sizes))}: {_listed(side.sizes)}" if side.sizes else "nothing"


def _listed(sizes: Sequence[int]) -> str:
    """Return sizes in order, with repeated sizes counted."""
    if len(sizes) > 1 and len(set(sizes)) == 1:
        return f"{many(sizes[0], 'byte')} each"
    parts: list[str] = []
    for size, group in groupby(sizes):
        again = len(list(group))
        parts += [f"{again:,} times {size:,}"] if again > 2 else [f"{size:,}"] * again
    if len(parts) > _MANY:
        return f"from {min(sizes):,} to {many(max(sizes), 'byte')}"
    return ", ".join(parts) + f" byte{'s' * (sum(sizes) != 1)}"


_MANY = 12
_ALL = "every byte arrived"


def _boundary_counts(stream: Stream) -> str:
    sent, received, both = map(len, (stream.sent.cuts, stream.received.cuts, stream.shared))
    noun = "boundary" if sent == 1 else "boundaries"
    return f"{sent:,} {noun} between sends, {received:,} between receives, {both:,} in common"


def _counts(stream: Stream) -> list[str]:
    return [_compared(stream, times(len(stream.sent.sizes))), _arrived(stream)]


def _relations(stream: Stream) -> list[str]:
    often = "once" if len(stream.sent.sizes) == 1 else "more than once"
    return [_compared(stream, often), _arrived(stream)]


def _compared(stream: Stream, often: str) -> str:
    sent, received = len(stream.sent.sizes), len(stream.received.sizes)
    how = "as often" if sent == received else "fewer times" if received < sent else "more times"
    if not received:
        how = "nothing"
    return f"{stream.sent.role} sent {often}, {stream.received.role} received {how}"


def _arrived(stream: Stream) -> str:
    return "some bytes were not received" if stream.left else _ALL


def _ending(stream: Stream) -> list[str]:
    """Return what came after the bytes."""
    lines = [f"the last send of {stream.sent.role} failed or has not returned"] * stream.guessed
    if stream.ended:
        lines.append(f"{stream.received.role} {_ENDING[stream.ended]}")
    return lines


_ENDING = {"end": "then received the end of the stream", "reset": "then received a reset"}
_WORDS: dict[str, Callable[[Stream], list[str]]] = {
    "sizes": _sizes,
    "counts": _counts,
    "relations": _relations,
}

# --- drawing ------------------------------------------------------------------------------------

_SENT, _STREAM, _RECEIVED, _HIGH = 88.0, 152.0, 216.0, 32.0
_MIDDLE, _AXIS, _FOOT = 168.0, 270.0, 338.0
_NOTE = "one box per call, as wide as the bytes that it moved"


def _draw(stream: Stream, title: str) -> Figure:
    layout = make_layout(stream)
    legend = _legend(stream, layout)
    height = _FOOT - 10 + (24 * len(legend) + 8 if legend else 0)
    card = Card(_width(layout, title), height, title, _NOTE)
    _label(card, stream.sent, "sent", _SENT)
    _label(card, stream.received, "received", _RECEIVED)
    _bytes(card, stream, layout)
    _calls(card, layout, layout.sent, _SENT, stream.sent.role)
    _calls(card, layout, layout.received, _RECEIVED, stream.received.role)
    if stream.guessed:
        _unsure(card, layout, stream)
    for cut in layout.common_cuts:
        card.disc(layout.x(cut), _MIDDLE, 3.4, INK, CARD, level=5)
    _after_the_last(card, stream, layout)
    _axis(card, layout)
    for at, kind in enumerate(legend):
        _explain(card, _FOOT + 24 * at, kind)
    return card.figure


def _width(layout: StreamLayout, title: str) -> float:
    written = max(text_width(title, 16, bold=True), text_width(_NOTE, 12))
    return max(
        layout.right + 76, written + 48, 88 + max(text_width(s, 11) for s in _LEGEND.values())
    )


def _label(card: Card, side: StreamSide, verb: str, y: float) -> None:
    hue, width = role_hue(kind_of(side.role)), text_width(side.role, 12, bold=True) + 22
    card.box(24, y - 5, width, 26, hue.tint, hue.line, radius=7)
    card.text(24 + width / 2, y + 8, side.role, bold=True, ink=hue.ink, align="center")
    card.text(24, y + 34, f"{verb} {summary(side)}", size=11, ink=SOFT)


def _bytes(card: Card, stream: Stream, layout: StreamLayout) -> None:
    """Draw the line of bytes; if there is room, each byte in a cell with its value."""
    card.text(24, _STREAM + 8, "the stream", bold=True)
    card.text(24, _STREAM + 26, many(stream.total, "byte"), size=11, ink=SOFT)
    card.box(layout.left, _STREAM, layout.width, _HIGH, GROUND, SOFT, radius=0)
    if not layout.shows_bytes:
        return
    for position in range(1, stream.total):
        x = layout.x(position)
        card.line([(x, _STREAM), (x, _STREAM + _HIGH)], BORDER, stroke=1)
    for position, value in stream.known.items():
        sign, size = sign_of(value)
        card.text(layout.x(position + 0.5), _MIDDLE, sign, size=size, mono=True, align="center")


def _calls(card: Card, layout: StreamLayout, boxes: Sequence[Box], y: float, role: str) -> None:
    """Draw the calls of one end, and their boundaries up to the middle of the stream."""
    hue, edge = role_hue(kind_of(role)), y + _HIGH if y < _MIDDLE else y
    for box in boxes:
        x, width = layout.x(box.start), layout.x(box.end) - layout.x(box.start)
        gap = 1.0 if width > 8 else 0.0
        _call(card, (x + gap, y, width - 2 * gap, _HIGH), box, hue)
    for one, _ in pairwise(boxes):
        x = layout.x(one.end)
        card.line([(x, edge), (x, _MIDDLE)], hue.line, stroke=1.6, level=4)


def _call(card: Card, area: tuple[float, float, float, float], box: Box, hue: Hue) -> None:
    x, y, width, _ = area
    middle, label = x + width / 2, box.label(width - 6)
    card.box(*area, hue.tint, hue.line, radius=4)
    if box.calls > 1:
        half = text_width(label, LABEL, bold=True) / 2 + 5
        card.box(*area, "none", hue.line + "88", radius=4, stroke=0, hatch="||||||")
        card.box(middle - half, y + 7, 2 * half, 18, hue.tint, radius=4, stroke=0, level=2)
    if label:
        card.text(middle, y + 16, label, size=LABEL, ink=hue.ink, bold=True, align="center")


def _unsure(card: Card, layout: StreamLayout, stream: Stream) -> None:
    """Redraw the edge of the last send, in dashes."""
    start, hue = layout.x(stream.total - stream.sent.sizes[-1]), role_hue(kind_of(stream.sent.role))
    card.box(start, _SENT - 1, layout.right - start + 1, _HIGH + 2, "none", CARD, stroke=4)
    card.box(start + 1, _SENT, layout.right - start - 2, _HIGH, "none", hue.line, dashed=True)


def _after_the_last(card: Card, stream: Stream, layout: StreamLayout) -> None:
    """Draw what was not received, and what the receiver got after the last byte."""
    x, y = layout.x(stream.received.total), _RECEIVED + _HIGH / 2
    if stream.left:
        area = (x, _RECEIVED, max(3.0, layout.right - x), _HIGH)
        card.box(*area, UNREAD.tint, UNREAD.line, radius=4, hatch="/////", dashed=True)
    x = layout.right + 10
    if stream.ended == "reset":
        card.cross(x + 4, y, 4.5, WARNING.line)
        card.text(x + 16, y, "reset", size=11, bold=True, ink=WARNING.ink)
    elif stream.ended:
        card.line([(x, _RECEIVED + 4), (x, _RECEIVED + _HIGH - 4)], INK, stroke=3)
        card.text(x + 10, y, "end", size=11, bold=True)


def _axis(card: Card, layout: StreamLayout) -> None:
    card.line([(layout.left, _AXIS), (layout.right, _AXIS)], SOFT, stroke=1)
    for position, number in layout.ticks():
        x = layout.x(position)
        card.line([(x, _AXIS), (x, _AXIS + 5)], SOFT, stroke=1)
        card.text(x, _AXIS + 15, number, ink=SOFT, align="center")
    card.text(layout.left, _AXIS + 37, f"position in the stream ({unit_for(layout.total).name})")


_LEGEND = {
    "meet": "a send and a receive end at the same position",
    "joined": "calls too small to be drawn one by one",
    "left": "bytes that were sent, and not received",
    "open": "a send that failed or has not returned: what was received of it",
}


def _legend(stream: Stream, layout: StreamLayout) -> list[str]:
    holds = {
        "meet": bool(layout.common_cuts),
        "joined": any(box.calls > 1 for box in layout.sent + layout.received),
        "left": bool(stream.left),
        "open": stream.guessed,
    }
    return [kind for kind, does in holds.items() if does]


def _explain(card: Card, y: float, kind: str) -> None:
    if kind == "meet":
        card.disc(39, y, 3.4, INK)
    elif kind == "left":
        card.box(24, y - 7, 30, 14, UNREAD.tint, UNREAD.line, radius=3, hatch="/////", dashed=True)
    else:
        hatch = "||||||" if kind == "joined" else ""
        card.box(24, y - 7, 30, 14, CARD, SOFT, radius=3, hatch=hatch, dashed=kind == "open")
    card.text(64, y, _LEGEND[kind], size=11, ink=SOFT)
