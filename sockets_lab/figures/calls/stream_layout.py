"""The layout of a stream: calls as boxes that are as wide as the bytes that they moved."""

from typing import NamedTuple

from matplotlib.ticker import MaxNLocator

from sockets_lab.figures.calls.stream import Stream, StreamSide
from sockets_lab.figures.canvas.card import text_width
from sockets_lab.figures.canvas.units import many, times, unit_for

__all__ = ["LABEL", "Box", "StreamLayout", "make_layout", "sign_of", "summary"]

LABEL = 11.5
"""Size of the letters in a box."""

_WIDE, _LEAST, _CELL = 700.0, 260.0, 26.0
_NARROW = 3.0
"""A box narrower than this is joined to the next."""


class Box(NamedTuple):
    """One call, or `calls` of them that are too narrow to be drawn one by one."""

    start: int
    end: int
    calls: int = 1

    def label(self, room: float) -> str:
        """Return the longest text for it that fits in `room` pixels."""
        count = self.end - self.start
        words = [f"{self.calls:,} calls"] if self.calls > 1 else [many(count, "byte"), f"{count:,}"]
        return next((text for text in words if text_width(text, LABEL, bold=True) <= room), "")


class StreamLayout(NamedTuple):
    """The stream begins at `left` and is `width` wide; `sent` and `received` are the calls.

    `common_cuts` holds the positions at which a box of either end stops. `shows_bytes` is True if
    there is room for each byte in a separate cell.
    """

    left: float
    width: float
    total: int
    sent: list[Box]
    received: list[Box]
    common_cuts: list[int]
    shows_bytes: bool

    @property
    def right(self) -> float:
        return self.left + self.width

    def x(self, position: float) -> float:
        """Return the x of a position in the stream."""
        return self.left + position * self.width / self.total

    def ticks(self) -> list[tuple[float, str]]:
        """Return the positions, in bytes, to mark along the stream, with their numbers."""
        unit = unit_for(self.total)
        most = self.total / unit.nbytes
        whole, bins = unit.nbytes == 1, max(3, int(self.width / 80))
        steps = [1, 2, 4, 5, 8, 10] if whole else [1, 2, 2.5, 5, 10]
        values = MaxNLocator(bins, integer=whole, steps=steps).tick_values(0, most)
        return [(value * unit.nbytes, f"{value:,.6g}") for value in values if 0 <= value <= most]


def make_layout(stream: Stream) -> StreamLayout:
    """Return the layout, with the labels of both ends left of the stream."""
    left = 24 + max(_label_width(side) for side in (stream.sent, stream.received)) + 24
    width = min(_WIDE, max(_LEAST, _CELL * stream.total))
    cell = width / stream.total
    sent, received = _boxes(stream.sent, cell), _boxes(stream.received, cell)
    common_cuts = stream.shared & {box.end for box in sent} & {box.end for box in received}
    signs = [text_width(*sign_of(value), mono=True) for value in stream.known.values()]
    shows_bytes = cell >= max([8.0, *signs]) + 8  # boundaries are drawn between letters
    return StreamLayout(left, width, stream.total, sent, received, sorted(common_cuts), shows_bytes)


def _boxes(side: StreamSide, cell: float) -> list[Box]:
    """Return the boxes of one end's calls; neighbours that are too narrow to be seen are joined."""
    boxes: list[Box] = []
    start = 0
    for size in side.sizes:
        last, box = boxes[-1] if boxes else None, Box(start, start + size)
        if last and max(size, (last.end - last.start) / last.calls) * cell < _NARROW:
            boxes[-1] = Box(last.start, box.end, last.calls + 1)
        else:
            boxes.append(box)
        start = box.end
    return boxes


def _label_width(side: StreamSide) -> float:
    header = text_width(side.role, 12, bold=True) + 22
    return max(header, text_width(f"received {summary(side)}", 11))


def summary(side: StreamSide) -> str:
    """Return the calls of one end in few words: how often, and how much at a time."""
    if not side.sizes:
        return "nothing"
    least, most, calls = min(side.sizes), max(side.sizes), len(side.sizes)
    size = f"{least:,} to {many(most, 'byte')}" if least < most else many(most, "byte")
    return f"{times(calls)}, {size}{' each' * (least == most and calls > 1)}"


def sign_of(value: int) -> tuple[str, float]:
    """Return the sign for a byte, and its size: a letter, or the number in hexadecimal."""
    sign = chr(value) if 0x20 < value < 0x7F else _BLANKS.get(value)
    return (sign, 13.0) if sign else (f"{value:02x}", 10.0)


_BLANKS = {0x20: "␣", 0x0A: "↵"}
