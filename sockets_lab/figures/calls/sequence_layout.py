"""The layout of a call sequence, in CSS pixels, measured before anything is drawn.

A lane is as wide as the calls beside it need. Where many lanes would make the card too wide for a
page they move together, and the text of a call may cross other lanes; there is one call in a row,
so it meets no other text.
"""

from typing import NamedTuple

from sockets_lab.figures.calls.call_story import CallStory, Height, Row
from sockets_lab.figures.canvas.card import pill_width, text_width, wrap
from sockets_lab.figures.canvas.palette import INK, SOFT, WARNING
from sockets_lab.recording import Call

__all__ = [
    "HEAD",
    "LABEL",
    "LEAD",
    "NOTE",
    "NOT_YET",
    "SIZE",
    "TAG",
    "Line",
    "SequenceLayout",
    "make_layout",
]

HEAD = 122.0
"""Height at which the lanes begin."""

SIZE, LEAD = 11.5, 17.0
"""Size of a call's letters, and the height of its lines."""

LABEL, TAG = 10.5, 10.5
NOT_YET = "no descriptor yet"
NOTE = "time flows downwards, one row per call; heights are not to scale"

_TEXT, _BAND, _PLAIN, _WIDE = 218.0, 30.0, 30.0, 960.0


class Line(NamedTuple):
    """One line of text beside a lane."""

    text: str
    ink: str = INK
    bold: bool = False

    @property
    def width(self) -> float:
        return text_width(self.text, SIZE, mono=True, bold=self.bold)


class SequenceLayout(NamedTuple):
    """The x of each of the `lanes`; for each row its `lines`, `tops` and the `bands` under them."""

    lanes: dict[str, float]
    lines: list[list[Line]]
    tops: list[float]
    bands: list[float]
    gutter: float
    width: float
    bottom: float

    def height_of(self, height: Height | None, edge: float) -> float:
        """Return where `height` is on the card; `edge` if it is None."""
        if height is None:
            return edge
        return (self.bands if height.after else self.tops)[height.row]


def make_layout(story: CallStory) -> SequenceLayout:
    """Return the layout of `story`."""
    lines = [_lines(row) for row in story.rows]
    tags = [_tag_width(row, story.threaded) for row in story.rows]
    gutter = 24 + max(tags) + 14
    lanes, width = _across(story, lines, gutter)
    tops, bands, bottom = _down(story, lines)
    return SequenceLayout(lanes, lines, tops, bands, gutter, width, bottom)


def _tag_width(row: Row, threaded: bool) -> float:
    number = text_width("00", TAG, mono=True)
    return number + (10 + text_width(row.call.thread, TAG) if threaded else 0)


# --- text beside the lanes ------------------------------------------------------------------------


def _lines(row: Row) -> list[Line]:
    call, result = _row_text(row)
    if row.waited:
        result = result._replace(text=f"{result.text} ({_duration(row.call.waited_s)})")
    one = Line(f"{call} {result.text}".rstrip())
    if one.width <= _TEXT and result.ink == INK:
        return [one]
    rest = [result] if result.text else []
    return [*map(Line, _broken(call)), *rest]


def _row_text(row: Row) -> tuple[str, Line]:
    """Return the labels of a row: the call, and its result."""
    call, result = _call_text(row.call)
    if not row.begins:
        return f"… {row.call.name}()", result
    if not row.ends:
        return f"{call} …", Line("" if row.call.finished else "still waiting", SOFT)
    return call, result


def _call_text(call: Call) -> tuple[str, Line]:
    text = f"{call.name}({call.arguments})"
    if call.error:
        return text, Line(f"✗ {call.error}", WARNING.ink, True)
    result = call.result.partition(" from ")[0]  # the lanes show the sender
    return text, Line(f"→ {result}" if result else "")


def _broken(call: str) -> list[str]:
    """Break a call into lines: after a comma if that is enough, else between any words."""
    whole = call.replace(" ", "\N{NO-BREAK SPACE}").replace(",\N{NO-BREAK SPACE}", ", ")
    lines = wrap(whole, _TEXT, SIZE, mono=True)
    if any(text_width(line, SIZE, mono=True) > _TEXT for line in lines):
        lines = wrap(call, _TEXT, SIZE, mono=True)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


# --- positions ------------------------------------------------------------------------------------


def _across(
    story: CallStory, lines: list[list[Line]], gutter: float
) -> tuple[dict[str, float], float]:
    """Return the x of each lane, and the card's width."""
    texts = dict.fromkeys(story.lanes, 0.0)
    for row, block in zip(story.rows, lines, strict=True):
        widest = max(line.width for line in block) + 18
        texts[row.call.role] = max(texts[row.call.role], widest)
    half = {role: _half(role, story) for role in story.lanes}
    narrow = {role: half[role] + _label_room(role, story) for role in story.lanes}
    notes = {role: half[role] + text_width(NOT_YET, LABEL) + 16 for role in story.early}
    wide = {role: max(texts[role], notes.get(role, 0)) for role in texts}
    roomy = {role: max(wide[role] + 12, narrow[role]) for role in texts}
    lanes = _side_by_side(gutter, half, roomy)
    right = max(lanes[role] + max(wide[role], half[role]) for role in lanes)
    if right > _WIDE:
        lanes = _side_by_side(gutter, half, narrow)
        right = max(lanes[role] + max(texts[role], half[role]) for role in lanes)
    return lanes, max(right, 24 + text_width(NOTE, 12)) + 24


def _half(role: str, story: CallStory) -> float:
    """Return half the room that a lane's header and its states need."""
    states = [pill_width(mark.state) for mark in story.marks if mark.role == role]
    return max([text_width(role, 12, bold=True) + 22, *states]) / 2


def _label_room(role: str, story: CallStory) -> float:
    """Return the room for the labels of arrows right of a lane, the last lane excepted."""
    if role == story.lanes[-1]:
        return 8
    return 34 + max([10, *(text_width(arrow.label, LABEL) for arrow in story.arrows)])


def _side_by_side(edge: float, left: dict[str, float], right: dict[str, float]) -> dict[str, float]:
    """Return the x of lanes that need room `left` and `right` of them."""
    positions: dict[str, float] = {}
    for role in left:
        positions[role] = edge + left[role]
        edge = positions[role] + right[role]
    return positions


def _down(story: CallStory, lines: list[list[Line]]) -> tuple[list[float], list[float], float]:
    """Return the heights of the rows' first lines, of the bands under them, and the end."""
    busy = {arrow.row for arrow in story.arrows} | {m.row for m in story.marks}
    tops: list[float] = []
    bands: list[float] = []
    y = HEAD + 28
    for at, (row, block) in enumerate(zip(story.rows, lines, strict=True)):
        tops.append(y)
        y += LEAD * (len(block) - 1) + (14 if row.waited else 0)
        bands.append(y + 27 if at in busy else y + 4 + 10 * row.waited)
        y += 27 + _BAND if at in busy else _PLAIN
    return tops, bands, y
