"""Draw calls in the order of time, one lane for each socket, with what passed between them."""

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.figure import Figure

from sockets_lab.figures.calls.call_story import Arrow, CallStory, Row, Stretch, story_of
from sockets_lab.figures.calls.sequence_layout import (
    HEAD,
    LABEL,
    LEAD,
    NOT_YET,
    NOTE,
    SIZE,
    TAG,
    Line,
    SequenceLayout,
    make_layout,
)
from sockets_lab.figures.calls.state_label import state_label
from sockets_lab.figures.canvas.card import Card, house_settings, pill_width, text_width
from sockets_lab.figures.canvas.palette import CARD, SOFT, UNREAD, WARNING, kind_of, role_hue
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.recording import Call

__all__ = ["call_sequence"]


def call_sequence(recording: Iterable[Call], *, title: str = "Call by call") -> Picture:
    """Draw the calls of `recording`, one row for each call, one lane for each socket.

    `recording` is a `Recording`, or any calls of one. A lane is solid where the socket has a
    descriptor and dashed where only the kernel knows it: a connection is dashed until `accept()`.
    Kernel states are written on the lanes if they were recorded (`record(states=True)`).

    Raises ValueError when nothing was recorded.
    """
    calls = tuple(recording)
    if not calls:
        raise ValueError("nothing to draw: the recording holds no call; make calls in its block")
    story = story_of(calls)
    with house_settings():
        return Picture(_draw(story, title), _words(calls, story))


# --- words --------------------------------------------------------------------------------------


def _words(calls: Sequence[Call], story: CallStory) -> str:
    count = f"{_many(len(calls), 'call')} on {_many(len(story.lanes), 'socket')}"
    first = f"{count}: {', '.join(story.lanes)}"
    if story.threaded:
        return "\n".join([first, *_by_thread(calls)])
    return "\n".join([first, *_in_order(calls, story), *_insights(story)])


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _by_thread(calls: Sequence[Call]) -> list[str]:
    """Return the calls thread by thread: between threads the order differs from run to run."""
    lines = []
    for thread in sorted(
        {call.thread for call in calls}, key=lambda name: (name != "notebook", name)
    ):
        lines += [f"{thread}:", *(f"  {call}" for call in calls if call.thread == thread)]
    return lines


def _in_order(calls: Sequence[Call], story: CallStory) -> list[str]:
    changes: dict[int, dict[str, str]] = {}
    now: dict[str, str] = {}
    for mark in story.marks:
        state = state_label(mark.state)
        if now.get(mark.role) != state:
            changes.setdefault(story.rows[mark.row].call.number, {})[mark.role] = state
        now[mark.role] = state
    return [f"{call.number}. {call}{_kernel(changes.get(call.number, {}))}" for call in calls]


def _kernel(states: Mapping[str, str]) -> str:
    listed = ", ".join(f"{role} {state}" for role, state in states.items())
    return f"; the kernel says: {listed}" if listed else ""


def _insights(story: CallStory) -> list[str]:
    """Name the connections that existed before `accept()` gave them a descriptor."""
    given = {arrow.target for arrow in story.arrows if arrow.kind == "descriptor"}
    return [
        f"{role} exists before accept() gives it a descriptor"
        if role in given
        else f"{role} exists and is never accepted"
        for role in story.lanes
        if role in story.early
    ]


# --- drawing ------------------------------------------------------------------------------------

_LONG = 16
"""With more rows than this, the lanes' names are repeated at the foot."""


def _draw(story: CallStory, title: str) -> Figure:
    layout = make_layout(story)
    legend = _legend(story)
    foot = layout.bottom + (40 if len(layout.tops) > _LONG else 0)
    card = Card(layout.width, foot + 26 + 24 * len(legend), title, NOTE)
    for role in story.lanes:
        _header(card, layout, role, HEAD - 14)
        if len(layout.tops) > _LONG:
            _header(card, layout, role, layout.bottom + 14)
    for at, row in enumerate(story.rows):
        _row(card, layout, at, row, story.threaded)
    for stretch in story.stretches:
        _stretch(card, layout, story, stretch)
    for arrow in story.arrows:
        _arrow(card, layout, story, arrow)
    for mark in story.marks:
        x, y = layout.lanes[mark.role], layout.bands[mark.row]
        card.pill(x, y, mark.state, dashed=not mark.descriptor)
    for role in story.lanes:
        _early(card, layout, story, role)
    for at, kind in enumerate(legend):
        _explain(card, foot + 28 + 24 * at, kind)
    return card.figure


def _header(card: Card, layout: SequenceLayout, role: str, y: float) -> None:
    hue, x = role_hue(kind_of(role)), layout.lanes[role]
    width = text_width(role, 12, bold=True) + 22
    card.box(x - width / 2, y - 13, width, 26, hue.tint, hue.line, radius=7, level=4)
    card.text(x, y, role, bold=True, ink=hue.ink, align="center")


def _row(card: Card, layout: SequenceLayout, at: int, row: Row, threaded: bool) -> None:
    y, x = layout.tops[at], layout.lanes[row.call.role]
    hue = role_hue(kind_of(row.call.role))
    card.text(24, y, f"{row.call.number:2d}", size=TAG, ink=SOFT, mono=True)
    if threaded:
        card.text(layout.gutter - 14, y, row.call.thread, size=TAG, ink=SOFT, align="right")
    if row.call.error and row.ends:
        card.disc(x, y, 8, CARD, level=4)
        card.cross(x, y, 4.5, WARNING.line)
    else:
        card.disc(x, y, 4, hue.line if row.ends else CARD, hue.line)
    for line_at, line in enumerate(layout.lines[at]):
        _write(card, x + 16, y + LEAD * line_at, line)


def _write(card: Card, x: float, y: float, line: Line) -> None:
    card.box(x - 4, y - 8, line.width + 8, 16, CARD, level=3, stroke=0)
    card.text(x, y, line.text, size=SIZE, ink=line.ink, mono=True, bold=line.bold)


def _stretch(card: Card, layout: SequenceLayout, story: CallStory, stretch: Stretch) -> None:
    x, hue = layout.lanes[stretch.role], role_hue(kind_of(stretch.role))
    top = layout.height_of(stretch.start, HEAD)
    end = layout.height_of(stretch.end, layout.bottom)
    if stretch.kind == "waits":
        card.box(x - 5, top, 10, end - top, hue.tint, hue.line, radius=3, level=3)
    elif stretch.kind == "unread":
        card.box(
            x - 13, top, 8, end - top, UNREAD.tint, UNREAD.line, radius=2, hatch="/////", level=3.5
        )
    else:
        dashed = stretch.kind == "kernel"
        card.line([(x, top), (x, end)], hue.line, stroke=2.2, dashed=dashed)
        if stretch.ends and stretch.end and not story.mark(stretch.end.row, stretch.role):
            card.line([(x, end), (x, end + 10)], hue.line, stroke=2.2, dashed=dashed)
            card.line([(x - 7, end + 10), (x + 7, end + 10)], hue.line, stroke=2.2)


def _early(card: Card, layout: SequenceLayout, story: CallStory, role: str) -> None:
    """Explain the dashes beside a connection without a descriptor, if there is room."""
    first = next(s for s in story.stretches if s.role == role)
    if first.kind != "kernel" or not first.start:
        return
    x = layout.lanes[role] + _clear(story, first.start.row, role) + 6
    right = min([at for at in layout.lanes.values() if at > x], default=layout.width) - 12
    if x + text_width(NOT_YET, LABEL) <= right:
        card.text(x, layout.height_of(first.start, HEAD), NOT_YET, size=LABEL, ink=SOFT)


def _arrow(card: Card, layout: SequenceLayout, story: CallStory, arrow: Arrow) -> None:
    y, hue = layout.bands[arrow.row], role_hue(kind_of(arrow.source))
    source, target = layout.lanes[arrow.source], layout.lanes[arrow.target]
    way = 1 if target > source else -1
    start = source + way * _clear(story, arrow.row, arrow.source)
    end = target - way * _clear(story, arrow.row, arrow.target)
    if arrow.kind == "bytes" and way > 0:
        end = min(end, target - 14)  # into the buffer, left of the lane
    both, dashed = arrow.kind == "handshake", arrow.kind == "descriptor"
    card.arrow((start, y), (end, y), hue.line, both=both, dashed=dashed, level=3.8)
    between = [x for x in layout.lanes.values() if (x - source) * way > 0 and x != target]
    near = min([end, *between], key=lambda x: abs(x - source))
    middle, half = (start + near) / 2, text_width(arrow.label, LABEL) / 2 + 5
    card.box(middle - half, y - 8, 2 * half, 16, CARD, stroke=0, level=3.9)
    card.text(middle, y, arrow.label, size=LABEL, ink=hue.ink, align="center")


def _clear(story: CallStory, row: int, role: str) -> float:
    """Return how far from the lane an arrow stops: beside the state, if there is one."""
    mark = story.mark(row, role)
    return pill_width(mark.state) / 2 + 3 if mark else 6


def _legend(story: CallStory) -> list[str]:
    kinds = {stretch.kind for stretch in story.stretches}
    return [kind for kind in _LEGEND if kind in kinds]


_LEGEND = {
    "descriptor": "the socket has a descriptor: Python holds it",
    "kernel": "only the kernel knows the connection: no descriptor yet, or no longer",
    "waits": "the call waits",
    "unread": "bytes wait in the kernel's buffer until they are read",
}


def _explain(card: Card, y: float, kind: str) -> None:
    if kind == "waits":
        hue = role_hue("other")
        card.box(24, y - 5, 30, 10, hue.tint, hue.line, radius=3)
    elif kind == "unread":
        card.box(24, y - 4, 30, 8, UNREAD.tint, UNREAD.line, radius=2, hatch="/////")
    else:
        card.line([(24, y), (54, y)], SOFT, stroke=2.2, dashed=kind == "kernel")
    card.text(64, y, _LEGEND[kind], size=11, ink=SOFT)
