"""One direction of a connection as one line of bytes: the sends above it, the receives below."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from typing import Literal

from matplotlib.figure import Figure

from sockets_lab.figures.calls.stream import Side, Stream, stream_of
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

Telling = Literal["sizes", "counts", "relations"]


def boundaries(
    source: Iterable[Call],
    *,
    sender: str,
    receiver: str,
    tell: Telling = "sizes",
    title: str = "Where the stream was cut",
) -> Picture:
    """Draw the bytes that `sender` sent to `receiver`, cut by the sends and by the receives.

    `source` is a `Recording`, or any calls of one; `sender` and `receiver` are the roles of the two
    ends of a connection. What `recv` only looked at (MSG_PEEK) does not count.

    `tell` says how much is the same on every run, and may stand in the words: the "sizes" of all
    calls; where the receives differ, the "counts" of the sends and how the receives compare with
    them; where the sends differ too, only "relations".

    Raises ValueError when `sender` sent no bytes, and for roles that are not the two ends of one
    connection.
    """
    if tell not in _TELL:
        raise ValueError(f"tell is one of {', '.join(map(repr, _TELL))}, not {tell!r}")
    stream = stream_of(tuple(source), sender, receiver)
    with house_settings():
        return Picture(_draw(stream, title), "\n".join([*_TELL[tell](stream), *_behind(stream)]))


# --- words --------------------------------------------------------------------------------------


def _sizes(stream: Stream) -> list[str]:
    lines = [
        f"{side.role} {verb} {_in_sizes(side)}"
        for side, verb in ((stream.sent, "sent"), (stream.received, "received"))
    ]
    lines.append(_survival(stream))
    return [*lines, f"not received: {many(stream.left, 'byte')}" if stream.left else _ALL]


def _in_sizes(side: Side) -> str:
    return f"{times(len(side.sizes))}: {_listed(side.sizes)}" if side.sizes else "nothing"


def _listed(sizes: Sequence[int]) -> str:
    """Return sizes in order, a size that comes again and again only once."""
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


def _survival(stream: Stream) -> str:
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


def _behind(stream: Stream) -> list[str]:
    """Say what came behind the bytes."""
    lines = [f"the last send of {stream.sent.role} failed or has not returned"] * stream.guessed
    if stream.ended:
        lines.append(f"{stream.received.role} {_MET[stream.ended]}")
    return lines


_MET = {"end": "then met the end of the stream", "reset": "then found the connection reset"}
_TELL: dict[str, Callable[[Stream], list[str]]] = {
    "sizes": _sizes,
    "counts": _counts,
    "relations": _relations,
}

# --- drawing ------------------------------------------------------------------------------------

_SENT, _STREAM, _RECEIVED, _HIGH = 88.0, 152.0, 216.0, 32.0
_MIDDLE, _AXIS, _FOOT = 168.0, 270.0, 338.0
_NOTE = "one box a call, as wide as the bytes that it moved"


def _draw(stream: Stream, title: str) -> Figure:
    plan = make_layout(stream)
    legend = _legend(stream, plan)
    height = _FOOT - 10 + (24 * len(legend) + 8 if legend else 0)
    card = Card(_width(plan, title), height, title, _NOTE)
    _label(card, stream.sent, "sent", _SENT)
    _label(card, stream.received, "received", _RECEIVED)
    _bytes(card, stream, plan)
    _calls(card, plan, plan.sent, _SENT, stream.sent.role)
    _calls(card, plan, plan.received, _RECEIVED, stream.received.role)
    if stream.guessed:
        _unsure(card, plan, stream)
    for place in plan.meeting:
        card.disc(plan.x(place), _MIDDLE, 3.4, INK, CARD, level=5)
    _behind_the_last(card, stream, plan)
    _axis(card, plan)
    for at, kind in enumerate(legend):
        _explain(card, _FOOT + 24 * at, kind)
    return card.figure


def _width(plan: StreamLayout, title: str) -> float:
    written = max(text_width(title, 16, bold=True), text_width(_NOTE, 12))
    return max(plan.right + 76, written + 48, 88 + max(text_width(s, 11) for s in _SAYS.values()))


def _label(card: Card, side: Side, verb: str, y: float) -> None:
    hue, width = role_hue(kind_of(side.role)), text_width(side.role, 12, bold=True) + 22
    card.box(24, y - 5, width, 26, hue.tint, hue.line, radius=7)
    card.text(24 + width / 2, y + 8, side.role, bold=True, ink=hue.ink, align="center")
    card.text(24, y + 34, f"{verb} {summary(side)}", size=11, ink=SOFT)


def _bytes(card: Card, stream: Stream, plan: StreamLayout) -> None:
    """Draw the line of bytes: each in a cell of its own, with what it holds, if there is room."""
    card.text(24, _STREAM + 8, "the stream", bold=True)
    card.text(24, _STREAM + 26, many(stream.total, "byte"), size=11, ink=SOFT)
    card.box(plan.left, _STREAM, plan.width, _HIGH, GROUND, SOFT, radius=0)
    if not plan.spelt:
        return
    for place in range(1, stream.total):
        x = plan.x(place)
        card.line([(x, _STREAM), (x, _STREAM + _HIGH)], BORDER, stroke=1)
    for place, value in stream.known.items():
        sign, size = sign_of(value)
        card.text(plan.x(place + 0.5), _MIDDLE, sign, size=size, mono=True, align="center")


def _calls(card: Card, plan: StreamLayout, boxes: Sequence[Box], y: float, role: str) -> None:
    """Draw one end's calls, and their boundaries up to the middle of the stream."""
    hue, edge = role_hue(kind_of(role)), y + _HIGH if y < _MIDDLE else y
    for box in boxes:
        x, width = plan.x(box.start), plan.x(box.end) - plan.x(box.start)
        gap = 1.0 if width > 8 else 0.0
        _call(card, (x + gap, y, width - 2 * gap, _HIGH), box, hue)
    for one, _ in pairwise(boxes):
        x = plan.x(one.end)
        card.line([(x, edge), (x, _MIDDLE)], hue.line, stroke=1.6, level=4)


def _call(card: Card, place: tuple[float, float, float, float], box: Box, hue: Hue) -> None:
    x, y, width, _ = place
    middle, label = x + width / 2, box.label(width - 6)
    card.box(*place, hue.tint, hue.line, radius=4)
    if box.calls > 1:
        half = text_width(label, LABEL, bold=True) / 2 + 5
        card.box(*place, "none", hue.line + "88", radius=4, stroke=0, hatch="||||||")
        card.box(middle - half, y + 7, 2 * half, 18, hue.tint, radius=4, stroke=0, level=2)
    if label:
        card.text(middle, y + 16, label, size=LABEL, ink=hue.ink, bold=True, align="center")


def _unsure(card: Card, plan: StreamLayout, stream: Stream) -> None:
    """Draw the edge of the last send anew, in dashes."""
    start, hue = plan.x(stream.total - stream.sent.sizes[-1]), role_hue(kind_of(stream.sent.role))
    card.box(start, _SENT - 1, plan.right - start + 1, _HIGH + 2, "none", CARD, stroke=4)
    card.box(start + 1, _SENT, plan.right - start - 2, _HIGH, "none", hue.line, dashed=True)


def _behind_the_last(card: Card, stream: Stream, plan: StreamLayout) -> None:
    """Draw what was not received, and what the receiver met behind the last byte."""
    x, y = plan.x(stream.received.total), _RECEIVED + _HIGH / 2
    if stream.left:
        place = (x, _RECEIVED, max(3.0, plan.right - x), _HIGH)
        card.box(*place, UNREAD.tint, UNREAD.line, radius=4, hatch="/////", dashed=True)
    x = plan.right + 10
    if stream.ended == "reset":
        card.cross(x + 4, y, 4.5, WARNING.line)
        card.text(x + 16, y, "reset", size=11, bold=True, ink=WARNING.ink)
    elif stream.ended:
        card.line([(x, _RECEIVED + 4), (x, _RECEIVED + _HIGH - 4)], INK, stroke=3)
        card.text(x + 10, y, "end", size=11, bold=True)


def _axis(card: Card, plan: StreamLayout) -> None:
    card.line([(plan.left, _AXIS), (plan.right, _AXIS)], SOFT, stroke=1)
    for place, number in plan.ticks():
        x = plan.x(place)
        card.line([(x, _AXIS), (x, _AXIS + 5)], SOFT, stroke=1)
        card.text(x, _AXIS + 15, number, ink=SOFT, align="center")
    card.text(plan.left, _AXIS + 37, f"place in the stream ({unit_for(plan.total).name})")


_SAYS = {
    "meet": "a send and a receive end at the same place",
    "joined": "calls too small to be drawn one by one",
    "left": "bytes that were sent, and not received",
    "open": "a send that failed or has not returned: what was received of it",
}


def _legend(stream: Stream, plan: StreamLayout) -> list[str]:
    holds = {
        "meet": bool(plan.meeting),
        "joined": any(box.calls > 1 for box in plan.sent + plan.received),
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
    card.text(64, y, _SAYS[kind], size=11, ink=SOFT)
