"""Board of outcomes: what happened for each row with each column, and if that is good or bad."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import accumulate, pairwise, product
from typing import Literal, NamedTuple

from matplotlib.figure import Figure

from sockets_lab.figures.canvas.card import Card, house_settings, text_width, wrap
from sockets_lab.figures.canvas.palette import (
    BORDER,
    FAINT,
    GOOD,
    SOFT,
    WARNING,
    ink_of,
    role_hue,
)
from sockets_lab.figures.canvas.picture import Picture

__all__ = ["Cell", "outcome_board"]


class Cell(NamedTuple):
    """One outcome in a few words, with a verdict."""

    words: str
    verdict: Literal["good", "bad", "neutral"] = "neutral"


def outcome_board(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], str | Cell],
    *,
    good: Collection[str] = (),
    bad: Collection[str] = (),
    corner: str = "",
    title: str = "What came out",
) -> Picture:
    """Draw the outcome of each row with each column, with a sign for good and for bad.

    `cells` holds by (row, column) the outcome in a few words, such as "reset 50 of 50"; a pair
    without a cell was not tried. A `Cell` has its own verdict. Other words are bad if they contain
    one of `bad`, else good if they contain one of `good`, else neutral. `corner` says what the rows
    are.

    Raises ValueError for no rows or columns, for names that are not unique, and for a cell outside
    the table.
    """
    for names, what in ((rows, "row"), (columns, "column")):
        _check_names(names, what)
    judged = {key: _judge(cell, good, bad) for key, cell in cells.items()}
    for key in judged:
        _check_key(key, rows, columns)
    with house_settings():
        return Picture(
            _draw(_Table(rows, columns, judged, corner), title), _words(rows, columns, judged)
        )


def _check_names(names: Sequence[str], what: str) -> None:
    if not names:
        raise ValueError(f"nothing to draw: give at least one {what}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]!r} comes twice: give each {what} a different name")


def _check_key(key: tuple[str, str], rows: Sequence[str], columns: Sequence[str]) -> None:
    for name, names, what in zip(key, (rows, columns), ("row", "column"), strict=True):
        if name not in names:
            near = get_close_matches(name, names, n=1) or names
            raise ValueError(f"no {what} is called {name!r}: there is {', '.join(near)}")


def _judge(cell: str | Cell, good: Iterable[str], bad: Iterable[str]) -> Cell:
    if isinstance(cell, Cell):
        return cell
    words = f" {cell} ".replace(",", " ").replace(";", " ")
    if any(f" {word} " in words for word in bad):
        return Cell(cell, "bad")
    return Cell(cell, "good" if any(f" {word} " in words for word in good) else "neutral")


def _words(
    rows: Sequence[str], columns: Sequence[str], cells: Mapping[tuple[str, str], Cell]
) -> str:
    return "\n".join(
        f"{row}: "
        + "; ".join(f"{column} -> {_in_words(cells.get((row, column)))}" for column in columns)
        for row in rows
    )


def _in_words(cell: Cell | None) -> str:
    if cell is None:
        return _UNTRIED
    return cell.words if cell.verdict == "neutral" else f"{cell.words} ({cell.verdict})"


# --- drawing ------------------------------------------------------------------------------------

_UNTRIED = "not tried"
_SIZE, _LEAD, _PAD, _SIGN = 11.5, 16.0, 10.0, 22.0
"""Size of letters, height of lines, and in a cell the padding and the width of the sign."""

_NAMES, _WIDE, _NARROW, _FEW = 210.0, 170.0, 84.0, 4
"""Widths at which names are broken into lines, and cells of few columns and of many."""


class _Table:
    """Words of every cell, broken into lines, and the positions of rows and columns."""

    def __init__(
        self,
        rows: Sequence[str],
        columns: Sequence[str],
        cells: Mapping[tuple[str, str], Cell],
        corner: str,
    ) -> None:
        self.rows, self.columns, self.cells = rows, columns, cells
        width = _WIDE if len(columns) <= _FEW else _NARROW
        self.corner = wrap(corner, _NAMES, 12) if corner else []
        self.names = {row: wrap(row, _NAMES, 12) for row in rows}
        self.heads = {column: wrap(column, width, 12) for column in columns}
        self.lines = {
            key: wrap(cells[key].words if key in cells else _UNTRIED, width, _SIZE)
            for key in product(rows, columns)
        }
        self.across = list(accumulate(map(self._width, columns), initial=self._left()))
        self.top = 88.0 + _LEAD * max(map(len, [self.corner, *self.heads.values()])) + 8
        self.down = list(accumulate(map(self._height, rows), initial=self.top))

    def _left(self) -> float:
        lines = [*self.corner, *(line for lines in self.names.values() for line in lines)]
        return 24 + max(text_width(line, 12, bold=True) for line in lines) + 20

    def _width(self, column: str) -> float:
        cells = (self.lines[row, column] for row in self.rows)
        inside = _SIGN + max(text_width(line, _SIZE) for lines in cells for line in lines)
        head = max(text_width(line, 12, bold=True) for line in self.heads[column])
        return max(inside, head) + 2 * _PAD

    def _height(self, row: str) -> float:
        lines = max(len(self.lines[row, column]) for column in self.columns)
        return _LEAD * max(lines, len(self.names[row])) + 26


def _draw(table: _Table, title: str) -> Figure:
    note = _tally(table.cells.values())
    written = max(text_width(title, 16, bold=True), text_width(note, 12)) + 48
    card = Card(max(table.across[-1] + 24, written), table.down[-1] + 22, title, note)
    _block(card, 24, table.top - 12, table.corner, SOFT, upwards=True)
    for column, x in zip(table.columns, table.across, strict=False):
        ink = ink_of(column)
        _block(card, x + _PAD, table.top - 12, table.heads[column], ink, bold=True, upwards=True)
    for row, (top, bottom) in zip(table.rows, pairwise(table.down), strict=True):
        card.line([(24, top), (table.across[-1], top)], FAINT, stroke=1)
        _block(card, 24, (top + bottom) / 2, table.names[row], ink_of(row), bold=True)
        for column, (left, right) in zip(table.columns, pairwise(table.across), strict=True):
            box = (left + 3, top + 5, right - left - 6, bottom - top - 10)
            _cell(card, box, table.cells.get((row, column)), table.lines[row, column])
    return card.figure


def _tally(cells: Collection[Cell]) -> str:
    """Return the numbers of good and bad cells; "" if all are neutral."""
    count = Counter(cell.verdict for cell in cells)
    judged = count["good"] + count["bad"]
    return f"good: {count['good']}, bad: {count['bad']}" if judged else ""


def _block(
    card: Card,
    x: float,
    y: float,
    lines: Sequence[str],
    ink: str,
    *,
    bold: bool = False,
    upwards: bool = False,
    size: float = 12,
) -> None:
    """Write lines around the height `y`, or upwards from it."""
    first = y - _LEAD * (len(lines) - 1) / (1 if upwards else 2)
    for at, line in enumerate(lines):
        card.text(x, first + _LEAD * at, line, size=size, ink=ink, bold=bold)


def _cell(
    card: Card, box: tuple[float, float, float, float], cell: Cell | None, lines: Sequence[str]
) -> None:
    x, middle = box[0], box[1] + box[3] / 2
    if cell is None:
        card.box(*box, "none", BORDER, radius=7, dashed=True)
        _block(card, x + _PAD - 3, middle, lines, SOFT, size=_SIZE)
        return
    hue = {"good": GOOD, "bad": WARNING}.get(cell.verdict, role_hue("other"))
    card.box(*box, hue.tint, hue.line, radius=7)
    if cell.verdict == "neutral":
        card.line([(x + _PAD, middle), (x + _PAD + 8, middle)], hue.line, stroke=2)
    else:
        card.verdict(x + _PAD + 4.5, middle, good=cell.verdict == "good")
    _block(card, x + _PAD - 3 + _SIGN, middle, lines, hue.ink, size=_SIZE)
