"""Map of the lab: where a learner types, what makes the calls, and what answers them."""

from matplotlib.figure import Figure

from sockets_lab.figures.canvas.card import Card, house_settings, pill_width, text_width
from sockets_lab.figures.canvas.palette import BORDER, GROUND, INK, SOFT, kind_of, role_hue
from sockets_lab.figures.canvas.picture import Picture

__all__ = ["lab_map"]

_WORDS = """three floors, one above the other
JupyterLab, in your browser: a cell with your socket calls, and its output with picture and words
the notebook's kernel, a Python process: your sockets, the recording, the figure
the operating system's kernel: its table of sockets, and loopback
running a cell makes calls on your sockets; each call goes down to the operating system's kernel
the recording notes each call, and asks the table which state every socket is in
the figure draws what was recorded, and the output shows it"""

_COLUMN = (190.0, 434.0, 678.0)
_BOX = 190.0
_FLOOR = (84.0, 236.0, 388.0)
_HIGH = 114.0
_INSET = 16.0


def lab_map(*, title: str = "The lab") -> Picture:
    """Draw the programs and parts that a learner uses, and what goes from one to another."""
    with house_settings():
        return Picture(_draw(title), _WORDS)


def _draw(title: str) -> Figure:
    card = Card(910, 526, title, "what happens when you run a cell of this course")
    _floor(card, 0, ("JupyterLab,", "in your browser"))
    _floor(card, 1, ("the notebook's", "kernel, a Python", "process"))
    _floor(card, 2, ("the operating", "system's kernel"))
    _cell(card, _COLUMN[0], _FLOOR[0] + _INSET)
    _output(card, _COLUMN[2], _FLOOR[0] + _INSET)
    _sockets(card, _COLUMN[0], _FLOOR[1] + _INSET)
    _part(card, 1, "recording", ("notes every call,", "and its result"))
    _part(card, 2, "figure", ("draws what was", "recorded"))
    _table(card, _COLUMN[0], _FLOOR[2] + _INSET)
    _loopback(card, _COLUMN[2], _FLOOR[2] + _INSET)
    _ways(card)
    return card.figure


def _floor(card: Card, at: int, name: tuple[str, ...]) -> None:
    y = _FLOOR[at]
    card.box(24, y, 862, _HIGH, GROUND, BORDER, radius=12, stroke=1)
    for line_at, line in enumerate(name):
        middle = y + _HIGH / 2 + 19 * (line_at - (len(name) - 1) / 2)
        card.text(44, middle, line, ink=INK, bold=True)


def _sheet(card: Card, x: float, y: float, name: str, width: float = _BOX) -> None:
    """Draw a white box with its name."""
    card.box(x, y, width, 82, "#ffffff", BORDER, radius=8, level=3)
    card.text(x + 14, y + 18, name, size=13, bold=True)


def _cell(card: Card, x: float, y: float) -> None:
    _sheet(card, x, y, "your cell")
    card.text(x + 14, y + 43, "listener.listen(2)", size=11.5, mono=True)
    card.text(x + 14, y + 62, "listener.accept()", size=11.5, mono=True)


def _output(card: Card, x: float, y: float) -> None:
    _sheet(card, x, y, "its output")
    card.text(x + 14, y + 43, "a picture,", ink=SOFT)
    card.text(x + 14, y + 62, "and its words", ink=SOFT)
    for at, kind in enumerate(("client", "listener", "connection")):
        lane = x + 122 + 24 * at
        card.line([(lane, y + 24), (lane, y + 68)], role_hue(kind).line, stroke=2, level=4)
    card.arrow((x + 124, y + 38), (x + 168, y + 38), role_hue("client").line, level=5)
    card.arrow((x + 168, y + 56), (x + 124, y + 56), role_hue("connection").line, level=5)


def _part(card: Card, column: int, name: str, lines: tuple[str, str]) -> None:
    x, y = _COLUMN[column], _FLOOR[1] + _INSET
    _sheet(card, x, y, name)
    for at, line in enumerate(lines):
        card.text(x + 14, y + 43 + 19 * at, line, ink=SOFT)


def _sockets(card: Card, x: float, y: float) -> None:
    _sheet(card, x, y, "your sockets")
    _chip(card, x + 14, y + 50, "listener")
    _chip(card, x + 90, y + 50, "client 1")
    card.text(x + 164, y + 50, "…", ink=SOFT)


def _chip(card: Card, x: float, y: float, role: str) -> None:
    hue = role_hue(kind_of(role))
    width = text_width(role, 11.5, bold=True) + 16
    card.box(x, y - 12, width, 24, hue.tint, hue.line, radius=6, level=4)
    card.text(x + 8, y, role, size=11.5, bold=True, ink=hue.ink)


def _table(card: Card, x: float, y: float) -> None:
    _sheet(card, x, y, "its table of sockets", _COLUMN[1] + _BOX - x)
    rows = (("listener", "LISTEN"), ("connection 1", "ESTABLISHED"))
    left = x + 14
    for role, state in rows:
        hue, name = role_hue(kind_of(role)), text_width(role, 11.5, bold=True)
        card.text(left, y + 52, role, size=11.5, bold=True, ink=hue.ink)
        card.pill(left + name + 7, y + 52, state, align="left")
        left += name + pill_width(state) + 26
    card.text(left, y + 52, "…", ink=SOFT)


def _loopback(card: Card, x: float, y: float) -> None:
    _sheet(card, x, y, "loopback")
    card.text(x + 14, y + 43, "carries your bytes:", ink=SOFT)
    card.text(x + 14, y + 62, "none leaves this machine", ink=SOFT)


def _ways(card: Card) -> None:
    first, second, third = (x + _BOX / 2 for x in _COLUMN)
    ends = [y + _INSET + 82 for y in _FLOOR]
    starts = [y + _INSET for y in _FLOOR]
    _down(card, first, ends[0], starts[1], "run")
    _down(card, first, ends[1], starts[2], "each call")
    _down(card, second, starts[2], ends[1], "states")
    _down(card, third, starts[1], ends[0], "shows")
    middle = starts[1] + 41
    card.arrow((_COLUMN[0] + _BOX + 4, middle), (_COLUMN[1] - 4, middle), INK)
    card.arrow((_COLUMN[1] + _BOX + 4, middle), (_COLUMN[2] - 4, middle), INK)
    low = starts[2] + 41
    card.arrow((_COLUMN[1] + _BOX + 4, low), (_COLUMN[2] - 4, low), INK, both=True)


def _down(card: Card, x: float, start: float, end: float, label: str) -> None:
    """Draw an arrow from one floor to another, with a word beside it."""
    way = 1 if end > start else -1
    card.arrow((x, start + 4 * way), (x, end - 4 * way), INK, level=5)
    card.text(x + 12, (start + end) / 2 - 8 * way, label, size=11.5, ink=INK)
