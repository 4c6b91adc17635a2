"""TLS connection, record by record: its sender, its content, and if it is encrypted."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure

from sockets_lab.figures.canvas.card import Card, house_settings, text_width
from sockets_lab.figures.canvas.palette import (
    BORDER,
    CARD,
    FAINT,
    GROUND,
    INK,
    SOFT,
    WARNING,
    role_hue,
)
from sockets_lab.figures.canvas.picture import Picture

if TYPE_CHECKING:
    from sockets_lab.tls import Flight, Record

__all__ = ["tls_flights"]


class _Row(NamedTuple):
    """One record: its sender, its content, its size in bytes, and if it is in clear."""

    sender: str
    what: str
    size: int
    in_clear: bool


def tls_flights(flights: "Sequence[Flight]", *, title: str = "A TLS handshake") -> Picture:
    """Draw each record of a TLS connection in memory, with the messages inside it.

    Sizes differ from run to run (of signatures and tickets, for example), so the words contain no
    sizes: only the sender, the content, and if it is in clear.

    Raises ValueError for no flights, and for bytes that are not TLS.
    """
    if not flights:
        raise ValueError("nothing to draw: give the flights of a handshake")
    rows = _rows(flights)
    words = "\n".join(
        f"{row.sender}: {row.what} ({'in clear' if row.in_clear else 'encrypted'})" for row in rows
    )
    with house_settings():
        return Picture(_draw(rows, title), words)


def _rows(flights: "Sequence[Flight]") -> list[_Row]:
    return [
        _Row(flight.who, _what(record, inside), record.size, _is_in_clear(record))
        for flight in flights
        for record, inside in zip(flight.records, _insides(flight), strict=True)
    ]


def _insides(flight: "Flight") -> Sequence[Sequence[str]]:
    return (
        flight.inside if len(flight.inside) == len(flight.records) else [()] * len(flight.records)
    )


def _what(record: "Record", inside: Sequence[str]) -> str:
    from sockets_lab.tls import is_retry_request, messages

    readable = messages([record])
    if readable and is_retry_request(readable[0]):
        return "HelloRetryRequest"
    if record.alert:
        return f"alert: {record.alert}"
    return ", ".join(inside) or ", ".join(one.name for one in readable) or record.kind


def _is_in_clear(record: "Record") -> bool:
    """Return True if the content can be read on the wire.

    In TLS 1.2 a handshake message that cannot be parsed is encrypted: that is Finished.
    """
    from sockets_lab.tls import messages

    if record.kind == "handshake":
        return bool(messages([record]))
    return record.kind == "change_cipher_spec" or bool(record.alert)


# --- drawing ------------------------------------------------------------------------------------

_TOP, _ROW, _GAP, _BOX, _SIDE = 112.0, 30.0, 10.0, 22.0, 96.0
_NOTE = "one box for each record, with its bytes on the wire; hatched: encrypted"
_SIZES = "99,999 B"
"""Room for any size: saved pages are compared, so widths must not depend on the run."""


def _draw(rows: Sequence[_Row], title: str) -> Figure:
    wide = 24 + max(text_width(row.what, 12, bold=row.in_clear) for row in rows) + 24
    wide = max(wide + text_width(_SIZES, 12), 360)
    width = max(2 * _SIDE + wide + 48, 24 + text_width(_NOTE, 12) + 24)
    changes = sum(one.sender != other.sender for one, other in pairwise(rows))
    card = Card(width, _TOP + _ROW * len(rows) + _GAP * changes + 16, title, _NOTE)
    left = 24 + _SIDE
    ends = {"client": left - _SIDE + 24, "server": left + wide + _SIDE - 24}
    bottom = card.height - 20
    for name, x in ends.items():
        hue = role_hue("client" if name == "client" else "listener")
        card.text(x, 84, name, bold=True, ink=hue.ink, align="center")
        card.line([(x, 98), (x, bottom)], hue.line, stroke=2)
    y = _TOP
    before = rows[0].sender
    for row in rows:
        y += _GAP if row.sender != before else 0
        _one(card, row, (left, y, wide), ends)
        before = row.sender
        y += _ROW
    return card.figure


def _one(card: Card, row: _Row, box: tuple[float, float, float], ends: dict[str, float]) -> None:
    left, y, wide = box
    middle = y + _BOX / 2
    hue = role_hue("client" if row.sender == "client" else "listener")
    is_alert = row.what.startswith("alert") and "close_notify" not in row.what
    fill, hatch = (hue.tint, "") if row.in_clear else (GROUND, "////")
    box_drawn = card.box(left, y, wide, _BOX, fill, BORDER, radius=4, hatch=hatch)
    if hatch:
        box_drawn.set_edgecolor(FAINT)
    label = text_width(row.what, 12, bold=row.in_clear)
    ink = WARNING.ink if is_alert else INK
    size = f"{row.size:,} B"
    if not row.in_clear:
        card.box(left + 7, y + 3, label + 10, _BOX - 6, CARD, radius=3, level=2)
        across = text_width(size, 12) + 10
        card.box(left + wide - 7 - across, y + 3, across, _BOX - 6, CARD, radius=3, level=2)
    card.text(left + 12, middle, row.what, bold=row.in_clear, ink=ink)
    card.text(left + wide - 12, middle, size, ink=SOFT, align="right")
    if row.sender == "client":
        card.line([(ends["client"], middle), (left, middle)], hue.line)
        card.arrow((left + wide, middle), (ends["server"], middle), hue.line)
    else:
        card.line([(ends["server"], middle), (left + wide, middle)], hue.line)
        card.arrow((left, middle), (ends["client"], middle), hue.line)
