"""Bits of addresses, a cell for each, with the numbers in which they are written."""

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from sockets_lab.addresses import bits, canonical, mapped_ipv4, packed, ranges_of
from sockets_lab.figures.canvas.card import Card, house_settings, text_width
from sockets_lab.figures.canvas.palette import BORDER, CARD, INK, SOFT, Hue, role_hue
from sockets_lab.figures.canvas.picture import Picture

__all__ = ["address_bits"]


def address_bits(addresses: Sequence[str], *, title: str = "The bits of an address") -> Picture:
    """Draw every bit of some IPv4 and IPv6 addresses, with the prefix of their range marked.

    A filled cell is a 1. Below each byte of IPv4, and below each 16 bits of IPv6, is the number as
    it is written. The bits that put an address in its special range are in colour.

    Raises ValueError for no addresses, and for text that is not a numeric address.
    """
    if not addresses:
        raise ValueError("nothing to draw: give at least one address")
    words = [_words(each) for each in addresses]
    with house_settings():
        return Picture(_draw(addresses, title), "\n".join(words))


def _words(host: str) -> str:
    fixed, name = _range(host)
    why = f"; the first {fixed} make it {name}" if name else ""
    return f"{canonical(host)}: {len(bits(host))} bits, {bits(host).count('1')} of them 1{why}"


def _range(host: str) -> tuple[int, str]:
    """Return the narrowest special range of an address: the length of its prefix, and its name."""
    for narrowest in ranges_of(host)[:1]:
        return narrowest.network.prefixlen, narrowest.name
    return 0, ""


# --- drawing ------------------------------------------------------------------------------------

_TOP, _HEAD, _CELL, _ROW, _LABEL, _BETWEEN = 84.0, 30.0, 15.0, 20.0, 22.0, 14.0
_GAP = 7.0  # between bytes
_NOTE = "a filled cell is a 1; coloured bits are the same in the whole range"
_PER_ROW = 32


def _draw(addresses: Sequence[str], title: str) -> Figure:
    heights = [_height(each) for each in addresses]
    width = max(
        _x(_PER_ROW - 1) + _CELL + 24,
        24 + max(text_width(_heading(each), 13, bold=True) for each in addresses) + 24,
        24 + text_width(_NOTE, 12) + 24,
    )
    card = Card(width, _TOP + sum(heights) + 10, title, _NOTE)
    y = _TOP
    for address, height in zip(addresses, heights, strict=True):
        _one(card, address, y)
        y += height
    return card.figure


def _height(host: str) -> float:
    rows = len(bits(host)) // _PER_ROW
    return _HEAD + rows * (_ROW + _LABEL) + _BETWEEN


def _heading(host: str) -> str:
    name = _range(host)[1]
    return f"{canonical(host)}   {name}" if name else canonical(host)


def _x(column: int) -> float:
    return 24 + column * _CELL + (column // 8) * _GAP


def _one(card: Card, host: str, top: float) -> None:
    fixed, name = _range(host)
    card.text(24, top + 10, canonical(host), size=13, bold=True, mono=True)
    if name:
        x = 24 + text_width(canonical(host), 13, bold=True, mono=True) + 14
        card.text(x, top + 10, name, ink=SOFT)
    hue = role_hue("client" if len(packed(host)) == 4 else "listener")
    for at, bit in enumerate(bits(host)):
        row, column = divmod(at, _PER_ROW)
        y = top + _HEAD + row * (_ROW + _LABEL)
        _cell(card, _x(column), y, bit == "1", hue if at < fixed else None)
    _numbers(card, host, top)


def _cell(card: Card, x: float, y: float, is_one: bool, hue: Hue | None) -> None:
    line, empty = (hue.line, hue.tint) if hue else (INK, CARD)
    fill = line if is_one else empty
    card.box(x + 0.5, y, _CELL - 1, _CELL, fill, hue.line if hue else BORDER, radius=2, stroke=0.9)


def _numbers(card: Card, host: str, top: float) -> None:
    for at, size, text in _groups(host):
        row, column = divmod(8 * at, _PER_ROW)
        middle = (_x(column) + _x(column + 8 * size - 1) + _CELL) / 2
        y = top + _HEAD + row * (_ROW + _LABEL) + _CELL + 11
        card.text(middle, y, text, size=12, mono=True, align="center", ink=SOFT)


def _groups(host: str) -> Iterator[tuple[int, int, str]]:
    """Yield each group: its first byte, its number of bytes, and the number that is written."""
    address = packed(host)
    as_ipv4 = 12 if mapped_ipv4(host) else 0 if len(address) == 4 else 16
    for at in range(0, as_ipv4, 2):
        yield at, 2, f"{int.from_bytes(address[at : at + 2]):x}"
    for at in range(as_ipv4, len(address)):
        yield at, 1, str(address[at])
