"""Draw the bytes that wait in the kernel's buffers over time, one strip for each buffer."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from sockets_lab.figures.canvas.card import Card, house_settings, text_width, wrap
from sockets_lab.figures.canvas.palette import SOFT, UNREAD, kind_of, role_hue
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.figures.canvas.units import ByteUnit, in_unit, unit_for
from sockets_lab.figures.occupancy import Buffer, buffers_of, in_words
from sockets_lab.kernel import History

__all__ = ["buffers_over_time"]


def buffers_over_time(history: History, *, title: str = "Bytes in the kernel's buffers") -> Picture:
    """Draw how many bytes of each socket were unsent and unread, in milliseconds or seconds.

    `history` comes from `watch()`. Unsent bytes stay in the send buffer until the other end has
    acknowledged them, unread bytes in the receive buffer until `recv()` takes them (SIOCOUTQ and
    SIOCINQ, man 7 tcp). Each strip has its own scale; a buffer that was always empty has no strip.

    Raises ValueError when no bytes were seen: only listeners were watched, or this machine cannot
    show buffers.
    """
    buffers = buffers_of(history)
    if not buffers:
        raise ValueError(
            "no buffers to draw: watch a connected socket, on a machine that can show them "
            "(run `sockets-lab doctor` to see if yours can)"
        )
    with house_settings():
        return Picture(_draw(buffers, title), "\n".join(in_words(buffers)))


_TOP, _HIGH, _STEP, _WIDE = 88.0, 62.0, 86.0, 560.0
_WIDEST = "at most 4,095 bytes"
"""Room for any count: a picture is as wide on every run, since pages are compared."""

_NOTE = "unsent: in the send buffer; unread: in the receive buffer; each strip has its own scale"


class _Clock(NamedTuple):
    """The time axis, from the first look to the end of the last."""

    start_s: float
    end_s: float

    @property
    def unit(self) -> str:
        return "s" if self.end_s - self.start_s >= 10 else "ms"

    def at(self, moment_s: float) -> float:
        """Return a moment in units of the axis."""
        return (moment_s - self.start_s) * (1 if self.unit == "s" else 1000)


def _draw(buffers: Sequence[Buffer], title: str) -> Figure:
    drawn = [buffer for buffer in buffers if buffer.most] or list(buffers)
    empty = [f"{buffer.role} {buffer.kind}" for buffer in buffers if buffer not in drawn]
    clock = _Clock(min(b.levels[0].at_s for b in buffers), max(b.end_s for b in buffers))
    left = 24 + max(text_width(buffer.role, 12, bold=True) for buffer in drawn) + 106
    right = left + _WIDE + 12 + text_width(_WIDEST, 11) + 24
    lines = wrap(f"always 0: {', '.join(empty)}", left + _WIDE - 24, 11) if empty else []
    bottom = _TOP + _STEP * len(drawn) - (_STEP - _HIGH)
    card = Card(right, bottom + 66 + 18 * len(lines) + 6 * bool(lines), title, _NOTE)
    for at, buffer in enumerate(drawn):
        axes = _strip(card, buffer, (left, _TOP + _STEP * at, _WIDE, _HIGH), clock)
        if at < len(drawn) - 1:
            axes.xaxis.set_major_formatter(NullFormatter())
            axes.set_xlabel("")
    for at, line in enumerate(lines):
        card.text(24, bottom + 66 + 18 * at, line, size=11, ink=SOFT)
    return card.figure


def _strip(
    card: Card, buffer: Buffer, area: tuple[float, float, float, float], clock: _Clock
) -> Axes:
    left, top, width, height = area
    middle, ink = top + height / 2, role_hue(kind_of(buffer.role)).ink
    card.text(24, middle - 9, buffer.role, bold=True, ink=ink)
    card.text(24, middle + 10, f"{buffer.kind} bytes", ink=SOFT)
    card.text(left + width + 12, top + 8, _peak(buffer), size=11, ink=SOFT)
    axes = card.axes(area, f"time ({clock.unit})", "")
    axes.set_xlim(0, clock.at(clock.end_s))
    _scale(axes, buffer.most)
    _plot(axes, buffer, clock)
    return axes


def _peak(buffer: Buffer) -> str:
    return f"at most {in_unit(buffer.most)}" if buffer.most else "always 0"


def _scale(axes: Axes, most: int) -> None:
    """Mark two or three counts of bytes along a strip, in a unit that suits it."""
    unit = unit_for(most)
    ticks = MaxNLocator(3, integer=unit.nbytes == 1, steps=[1, 2, 4, 5, 10])
    values = [value for value in ticks.tick_values(0, most / unit.nbytes * 1.1) if value >= 0]
    axes.set_ylim(0, max(most * 1.15, 1))
    axes.set_yticks([v * unit.nbytes for v in values if v * unit.nbytes <= most * 1.15])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda nbytes, _: _mark(nbytes, unit)))


def _mark(nbytes: float, unit: ByteUnit) -> str:
    return f"{nbytes / unit.nbytes:,.6g} {unit.name}" if nbytes else "0"


def _plot(axes: Axes, buffer: Buffer, clock: _Clock) -> None:
    """Fill from each look to the next; a stroke ends the line where the socket is gone."""
    times = [
        clock.at(moment_s) for moment_s in [*(one.at_s for one in buffer.levels), buffer.end_s]
    ]
    levels = [level.nbytes for level in buffer.levels]
    levels.append(levels[-1])
    hue = UNREAD if buffer.kind == "unread" else role_hue(kind_of(buffer.role))
    hatch = "/////" if buffer.kind == "unread" else "....."
    axes.fill_between(
        times, levels, step="post", facecolor=hue.tint, edgecolor=hue.line + "55", hatch=hatch, lw=0
    )
    axes.step(times, levels, where="post", color=hue.line, linewidth=1.7, clip_on=False)
    if buffer.gone:
        axes.plot([times[-1]] * 2, [0, levels[-1]], color=hue.line, linewidth=1.7, clip_on=False)
