"""Throughput and memory by the number of connections, for each server model."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import ceil, floor, isfinite, log10
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from sockets_lab.figures.canvas.axes import Look, log_axis, looks_of, on_card, spread
from sockets_lab.figures.canvas.card import Card, Point, house_settings, text_width
from sockets_lab.figures.canvas.claims import JudgedClaim, claims_height, compare, draw_claims
from sockets_lab.figures.canvas.palette import CARD, SOFT
from sockets_lab.figures.canvas.picture import Picture

__all__ = ["Scale", "scaling"]

Claim = tuple[str, str, float, str]


class Scale(NamedTuple):
    """Measurements with a number of connections at a time; None for what was not measured.

    `messages_per_s` is the throughput of all of them together, `nbytes` the memory that they take
    together: the server process's, or that and the kernel's. Less than a page (4 KiB) is drawn as
    one page, since systems count memory in pages.
    """

    connections: int
    messages_per_s: float | None = None
    nbytes: float | None = None


_PAGE: Final = 4096

_Rows = Mapping[str, Sequence[Scale]]


class _Quantity(NamedTuple):
    """Throughput or memory: its name, field of `Scale`, axis label, and room below the lines."""

    name: str
    field: str
    axis: str
    below: float


_QUANTITIES: Final = (
    _Quantity("throughput", "messages_per_s", "messages per second", 1.8),
    _Quantity("memory", "nbytes", "memory (MiB)", 5.0),
)


def scaling(
    rows: _Rows,
    *,
    claims: Sequence[Claim] = (),
    title: str = "What more connections cost",
) -> Picture:
    """Draw throughput and memory against the number of connections, all axes logarithmic.

    `rows` holds the measurements by model, one `Scale` for each number of connections; at most
    nine models. Each of `claims` is (quantity, more, factor, less), where the quantity is
    "throughput" or "memory": "with the most connections that both had, that of more is more than
    factor times that of less". The words say if each is true here, and contain no other numbers.

    Raises ValueError for no rows, for counts and quantities that cannot be, and for claims about
    other models.
    """
    if not any(rows.values()):
        raise ValueError("nothing to draw: give at least one Scale of at least one model")
    for name, scales in rows.items():
        _check(name, scales)
    judged = [_judge(claim, rows) for claim in claims]
    words = [f"throughput and memory by connections: {', '.join(rows)}", *map(str, judged)]
    with house_settings():
        return Picture(_draw(rows, judged, title), "\n".join(words))


def _check(name: str, scales: Sequence[Scale]) -> None:
    if not scales:
        raise ValueError(f"nothing was measured of {name!r}: leave it out")
    for scale in scales:
        if scale.connections < 1:
            raise ValueError(f"{name!r} has {scale.connections!r} connections: give 1 or more")
        _check_value(name, scale.messages_per_s, above_zero=True)
        _check_value(name, scale.nbytes, above_zero=False)


def _check_value(name: str, value: float | None, *, above_zero: bool) -> None:
    if value is None or (isfinite(value) and (value > 0 or not above_zero)):
        return
    raise ValueError(f"{name!r} has {value!r}: give what was measured, or None if nothing was")


def _judge(claim: Claim, rows: _Rows) -> JudgedClaim:
    quantity, more, factor, less = claim
    fields = {each.name: each.field for each in _QUANTITIES}
    if quantity not in fields:
        raise ValueError(f"no quantity {quantity!r}: a claim is about {' or '.join(fields)}")
    for name in (more, less):
        if name not in rows:
            raise ValueError(f"nothing was measured of {name!r}: there is {', '.join(rows)}")
    one, other = (dict(_points(rows[name], fields[quantity])) for name in (more, less))
    if not one.keys() & other.keys():
        raise ValueError(
            f"{more!r} and {less!r} have no {quantity} for the same number of connections"
        )
    most = max(one.keys() & other.keys())
    subject = f"with the most connections, the {quantity} of {more}"
    return compare(subject, factor, f"that of {less}", one[most], other[most])


def _points(scales: Sequence[Scale], field: str) -> list[tuple[int, float]]:
    """Return pairs of connections and value, sorted by connections; memory in MiB."""
    values = [(scale.connections, getattr(scale, field)) for scale in sorted(scales, key=_count)]
    measured = [(connections, value) for connections, value in values if value is not None]
    if field == "nbytes":
        return [(connections, max(value, _PAGE) / 2**20) for connections, value in measured]
    return measured


def _count(scale: Scale) -> int:
    return scale.connections


# --- drawing ------------------------------------------------------------------------------------

_LEFT, _TOP, _WIDE, _HIGH = 92.0, 84.0, 440.0, 210.0
_ROW, _LEAD, _BETWEEN = 38.0, 26.0, 34.0
_NOTE: Final = "a mark for each measurement"
_GUIDED: Final = "a mark for each measurement; dotted lines: the same KiB per connection"


class _Panel(NamedTuple):
    """One quantity with its lines, and where it is drawn."""

    quantity: _Quantity
    lines: Mapping[str, Sequence[tuple[int, float]]]
    top: float
    high: float


def _draw(rows: _Rows, claims: Sequence[JudgedClaim], title: str) -> Figure:
    panels = _panels(rows)
    bottom = panels[-1].top + panels[-1].high + 62
    width = _LEFT + _WIDE + _LEAD + max(map(_label_width, panels)) + 24
    note = _GUIDED if panels[-1].quantity.field == "nbytes" else _NOTE
    card = Card(width, bottom + claims_height(claims, width), title, note)
    looks = looks_of(list(rows))
    counts = sorted({scale.connections for scales in rows.values() for scale in scales})
    for panel in panels:
        axes = _axes(card, panel, counts, last=panel is panels[-1])
        if panel.quantity.field == "nbytes":
            _guide(card, axes, panel)
        for name, points in panel.lines.items():
            _plot(axes, points, looks[name])
        _label(card, axes, panel, looks)
    draw_claims(card, claims, bottom - 8, width)
    return card.figure


def _panels(rows: _Rows) -> list[_Panel]:
    """Return the quantities that were measured, from the top down."""
    panels: list[_Panel] = []
    for quantity in _QUANTITIES:
        measured = {name: _points(scales, quantity.field) for name, scales in rows.items()}
        lines = {name: points for name, points in measured.items() if points}
        if lines:
            top = panels[-1].top + panels[-1].high + _BETWEEN if panels else _TOP
            panels.append(_Panel(quantity, lines, top, max(_HIGH, _ROW * len(lines))))
    if not panels:
        raise ValueError("nothing to draw: no Scale has a throughput or a memory")
    return panels


def _axes(card: Card, panel: _Panel, counts: Sequence[int], *, last: bool) -> Axes:
    across = "connections, logarithmic" if last else ""
    box = (_LEFT, panel.top, _WIDE, panel.high)
    axes = card.axes(box, across, f"{panel.quantity.axis}, logarithmic")
    values = [value for points in panel.lines.values() for _, value in points]
    log_axis(axes, "x", counts[0] / 1.35, counts[-1] * 1.35)
    log_axis(axes, "y", min(values) / panel.quantity.below, max(values) * 1.8)
    ticks = _separate(counts, axes)
    axes.set_xticks(ticks, [f"{count:,}" if last else "" for count in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    return axes


def _separate(counts: Sequence[int], axes: Axes) -> list[int]:
    """Return the counts without those that would be written over another; the last one stays."""
    low, high = axes.get_xlim()
    pixels = {each: _WIDE * log10(each / low) / log10(high / low) for each in counts}
    kept = [counts[-1]]
    for count in reversed(counts[:-1]):
        if pixels[kept[-1]] - pixels[count] > 12 + 8 * len(str(kept[-1])):
            kept.append(count)
    return kept[::-1]


def _plot(axes: Axes, points: Sequence[tuple[int, float]], look: Look) -> None:
    across, upward = zip(*points, strict=True)
    axes.plot(across, upward, color=look.hue.line, lw=1.8, ls=look.dash, zorder=4)
    axes.plot(
        across, upward, look.marker, color=look.hue.line, ms=7, mec=CARD, mew=1, zorder=5
    )  # fmt: skip


def _guide(card: Card, axes: Axes, panel: _Panel) -> None:
    """Draw lines along which a connection costs the same, and write its KiB below each."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    costs = [1024 * mib / count for points in panel.lines.values() for count, mib in points]
    drawn = [on_card(card, axes, *point) for point in _along(panel.lines.values())]
    for power in range(floor(log10(min(costs))), ceil(log10(max(costs))) + 1):
        each = 10.0**power / 1024
        start, end = max(left, low / each), min(right, high / each)
        if end / start < 4:
            continue
        axes.plot([start, end], [each * start, each * end], color=SOFT, lw=0.9, ls=":", zorder=2)
        guide = [(x, each * x) for x in _between(start, end)]
        name = f"{10.0**power:,.10g} KiB"
        _name_guide(card, [on_card(card, axes, *point) for point in guide], name, drawn)


def _along(lines: Iterable[Sequence[tuple[int, float]]]) -> Iterator[Point]:
    """Yield points along the lines, so close to each other that no word fits between."""
    for points in lines:
        yield from points
        for (x, y), (to_x, to_y) in pairwise(points):
            for at in range(1, 20):
                yield x * (to_x / x) ** (at / 20), y * (to_y / y) ** (at / 20)


def _between(start: float, end: float) -> list[float]:
    return [start * (end / start) ** (at / 40) for at in range(40)]


def _name_guide(
    card: Card,
    guide: Sequence[tuple[float, float]],
    name: str,
    drawn: Sequence[tuple[float, float]],
) -> None:
    """Write the name just below a guide, as far left as it covers nothing drawn."""
    width, bottom = text_width(name, 10), max(y for _, y in guide)
    for x, y in guide:
        left, middle = x + 22, min(y + 4, bottom - 10)
        in_the_way = any(
            left - 9 < at[0] < left + width + 9 and abs(at[1] - middle) < 14 for at in drawn
        )
        if not in_the_way and y - middle < 12:
            label = card.text(left, middle, name, size=10, ink=SOFT)
            label.set_bbox({"facecolor": CARD, "edgecolor": "none", "pad": 1})  # over a flat guide
            return


def _label(card: Card, axes: Axes, panel: _Panel, looks: Mapping[str, Look]) -> None:
    ends = [on_card(card, axes, *points[-1]) for points in panel.lines.values()]
    ys = spread([y for _, y in ends], _ROW, panel.top + 8, panel.top + panel.high - 22)
    x = _LEFT + _WIDE + _LEAD
    for (name, points), end, y in zip(panel.lines.items(), ends, ys, strict=True):
        hue = looks[name].hue
        card.line([(end[0] + 7, end[1]), (x - 12, y), (x - 4, y)], hue.line, stroke=0.9, level=2)
        card.text(x, y, name, bold=True, ink=hue.ink)
        card.text(x, y + 17, _last_value(panel.quantity, points), size=11, ink=SOFT)


def _last_value(quantity: _Quantity, points: Sequence[tuple[int, float]]) -> str:
    connections, value = points[-1]
    if quantity.field == "nbytes":
        return f"{_short(1024 * value / connections)} KiB for each of {connections:,}"
    return f"{_short(value)} per second with {connections:,}"


def _short(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.10g}"


def _label_width(panel: _Panel) -> float:
    # The width must not depend on the run, since saved pages are compared.
    most = max(points[-1][0] for points in panel.lines.values())
    values = [f"0.0012 KiB for each of {most:,}", f"1,200,000 per second with {most:,}"]
    values += [_last_value(panel.quantity, points) for points in panel.lines.values()]
    names = [text_width(name, 12, bold=True) for name in panel.lines]
    return max(*(text_width(words, 11) for words in values), *names)
