"""The card that every picture is drawn on: opaque, light, and measured in CSS pixels.

An opaque card looks the same on JupyterLab's light and dark themes. The origin is the top left
corner, and y grows downwards, as on a page. A picture first measures its words (`text_width`), then
makes a card that is large enough for them: three calls and forty calls both have room.

Only matplotlib's object-oriented layer is used. A learner's settings in `matplotlib.rcParams` do
not change these pictures, and the pictures do not change the settings (`house_settings`).
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from math import hypot
from pathlib import Path
from typing import Literal

import matplotlib
from matplotlib import MatplotlibDeprecationWarning
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Outline
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from sockets_lab.figures.canvas.interrupt import told_briefly
from sockets_lab.figures.canvas.palette import (
    BORDER,
    CARD,
    FAINT,
    GOOD,
    INK,
    SOFT,
    WARNING,
    StateLook,
    look_of_state,
)
from sockets_lab.figures.canvas.picture import CSS_DPI

__all__ = ["Card", "Point", "house_settings", "pill_width", "text_width", "wrap"]

Point = tuple[float, float]
Align = Literal["left", "center", "right"]

_CAP = 0.365
"""Half the height of a capital in DejaVu, as a share of the size: it centres letters on a line."""

_POINTS = 72 / CSS_DPI
_PILL = 10.0
"""Size of the letters in a pill."""

_DASHES = (0, (3.2, 2.4))


@contextmanager
def house_settings() -> Iterator[None]:
    """Use matplotlib's defaults in the block, then restore the learner's settings."""
    keep = {"backend", "backend_fallback", "interactive", "toolbar", "webagg.port"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MatplotlibDeprecationWarning)
        plain = {k: v for k, v in matplotlib.rcParamsDefault.items() if k not in keep}
        with matplotlib.rc_context({**plain, "hatch.linewidth": 0.7}), told_briefly():
            yield


@lru_cache(maxsize=8)
def _face(mono: bool, bold: bool) -> Path:
    name = f"DejaVuSans{'Mono' if mono else ''}{'-Bold' if bold else ''}.ttf"
    return Path(matplotlib.get_data_path(), "fonts", "ttf", name)


@lru_cache(maxsize=4096)
def text_width(text: str, size: float = 12, *, mono: bool = False, bold: bool = False) -> float:
    """Return the width of `text` in CSS pixels, for letters of `size` pixels."""
    font = FontProperties(fname=str(_face(mono, bold)), size=size)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def wrap(text: str, width: float, size: float = 12, *, mono: bool = False) -> list[str]:
    """Break `text` at spaces into lines of at most `width` pixels; a longer word is not broken."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, mono=mono) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def pill_width(state: str) -> float:
    """Return the width of a kernel state's pill in CSS pixels."""
    return text_width(state, _PILL, bold=True) + 16


class Card:
    """A light card of `width` by `height` CSS pixels, with a title and a note below the title.

    `sheet` covers it: matplotlib axes whose units are CSS pixels. What is drawn later, or at a
    higher `level`, covers what is below it.
    """

    def __init__(self, width: float, height: float, title: str = "", note: str = "") -> None:
        self.width, self.height = float(round(width)), float(round(height))
        self.figure = Figure((self.width / CSS_DPI, self.height / CSS_DPI), CSS_DPI)
        self.figure.patch.set_alpha(0)
        self.sheet: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.sheet.set_axis_off()
        self.sheet.set_xlim(0, self.width)
        self.sheet.set_ylim(self.height, 0)
        self.sheet.set_zorder(2)
        back = self.box(0.75, 0.75, self.width - 1.5, self.height - 1.5, CARD, BORDER, radius=10)
        back.remove()
        self.figure.add_artist(back)
        if title:
            self.text(24, 30, title, size=16, bold=True)
        if note:
            self.text(24, 53, note, size=12, ink=SOFT)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 12,
        ink: str = INK,
        mono: bool = False,
        bold: bool = False,
        align: Align = "left",
        level: float = 6,
    ) -> Text:
        """Write one line whose capitals are centred on `y`."""
        font = FontProperties(fname=str(_face(mono, bold)), size=size * _POINTS)
        return self.sheet.text(
            x,
            y + _CAP * size,
            text,
            fontproperties=font,
            color=ink,
            ha=align,
            va="baseline",
            zorder=level,
            parse_math=False,
        )

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str = "none",
        edge: str = "none",
        *,
        radius: float = 6,
        stroke: float = 1.2,
        dashed: bool = False,
        hatch: str = "",
        level: float = 1,
    ) -> FancyBboxPatch:
        """Draw a box with round corners, whose top left corner is at `x`, `y`; return it."""
        radius = max(0.01, min(radius, width / 2, height / 2))
        box = FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={radius}",
            facecolor=fill,
            edgecolor=edge,
            linewidth=stroke * _POINTS,
            linestyle=_DASHES if dashed else "solid",
            hatch=hatch or None,
            zorder=level,
        )
        self._add(box)
        return box

    def _add(self, artist: Artist) -> None:
        """Add without `add_patch`, which also works out data limits; the sheet's limits are set."""
        self.sheet.add_artist(artist)

    def disc(
        self, x: float, y: float, radius: float, fill: str, edge: str = "none", level: float = 4
    ) -> None:
        """Draw a disc around a point."""
        self._add(
            Circle((x, y), radius, facecolor=fill, edgecolor=edge, linewidth=1.1, zorder=level)
        )

    def line(
        self,
        points: Sequence[Point],
        ink: str = INK,
        *,
        stroke: float = 1.4,
        dashed: bool = False,
        level: float = 2,
    ) -> None:
        """Draw a straight line from each of `points` to the next."""
        self._add(
            Line2D(
                [x for x, _ in points],
                [y for _, y in points],
                color=ink,
                linewidth=stroke * _POINTS,
                linestyle=_DASHES if dashed else "solid",
                solid_capstyle="round",
                solid_joinstyle="round",
                zorder=level,
            )
        )

    def curve(self, start: Point, end: Point, ink: str, *, dashed: bool = False) -> None:
        """Draw a curve like an S from left to right."""
        middle = (start[0] + end[0]) / 2
        self._bend([start, (middle, start[1]), (middle, end[1]), end], ink, dashed)

    def hook(self, start: Point, end: Point, ink: str, *, dashed: bool = False) -> None:
        """Draw a bow to the right between two points, one of which is above the other."""
        out = max(start[0], end[0]) + 60
        self._bend([start, (out, start[1]), (out, end[1]), end], ink, dashed)

    def _bend(self, points: Sequence[Point], ink: str, dashed: bool) -> None:
        path = Outline(points, [Outline.MOVETO, *[Outline.CURVE4] * 3])
        style = _DASHES if dashed else "solid"
        self._add(
            PathPatch(path, facecolor="none", edgecolor=ink, lw=2 * _POINTS, ls=style, zorder=2)
        )

    def arrow(
        self,
        start: Point,
        end: Point,
        ink: str = INK,
        *,
        stroke: float = 1.5,
        dashed: bool = False,
        both: bool = False,
        level: float = 3,
    ) -> None:
        """Draw a straight arrow, with a head at `end`, and at `start` too if `both`."""
        length = hypot(end[0] - start[0], end[1] - start[1])
        ux, uy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
        tail = (start[0] + 6 * ux, start[1] + 6 * uy) if both else start
        self.line(
            [tail, (end[0] - 6 * ux, end[1] - 6 * uy)],
            ink,
            stroke=stroke,
            dashed=dashed,
            level=level,
        )
        self._head(end, (ux, uy), ink, level)
        if both:
            self._head(start, (-ux, -uy), ink, level)

    def _head(self, tip: Point, along: Point, ink: str, level: float) -> None:
        (x, y), (ux, uy) = tip, along
        back = (x - 8 * ux, y - 8 * uy)
        sides = [(back[0] - 3.8 * uy, back[1] + 3.8 * ux), (back[0] + 3.8 * uy, back[1] - 3.8 * ux)]
        self._add(Polygon([tip, *sides], facecolor=ink, edgecolor="none", zorder=level))

    def cross(self, x: float, y: float, size: float, ink: str, level: float = 5) -> None:
        """Draw the sign of failure, two crossing lines."""
        for dy in (-size, size):
            self.line([(x - size, y - dy), (x + size, y + dy)], ink, stroke=2, level=level)

    def tick(self, x: float, y: float, size: float, ink: str, level: float = 5) -> None:
        """Draw the sign of success, a tick."""
        points = [(x - size, y), (x - 0.25 * size, y + 0.75 * size), (x + size, y - 0.75 * size)]
        self.line(points, ink, stroke=2, level=level)

    def verdict(self, x: float, y: float, *, good: bool) -> None:
        """Draw the sign of good or bad: a tick on a disc, a cross on a square, 16 pixels wide."""
        if good:
            self.disc(x, y, 8, GOOD.line)
            self.tick(x, y, 3.6, CARD)
        else:
            self.box(x - 7.5, y - 7.5, 15, 15, WARNING.line, radius=2.5, level=4)
            self.cross(x, y, 3.2, CARD)

    def pill(
        self, x: float, y: float, state: str, *, align: Align = "center", dashed: bool = False
    ) -> float:
        """Draw a kernel state in a pill; `x` is the end that `align` names. Return its width."""
        look: StateLook = look_of_state(state)
        width = pill_width(state)
        left = x - {"left": 0.0, "center": width / 2, "right": width}[align]
        self.box(left, y - 9, width, 18, look.fill, look.edge, radius=9, dashed=dashed, level=4)
        self.text(left + width / 2, y, state, size=_PILL, ink=look.ink, bold=True, align="center")
        return width

    def axes(self, box: tuple[float, float, float, float], across: str, upward: str) -> Axes:
        """Return new axes in `box` (left, top, width, height), labelled with the two names."""
        left, top, width, height = box
        shares = (
            left / self.width,
            1 - (top + height) / self.height,
            width / self.width,
            height / self.height,
        )
        axes: Axes = self.figure.add_axes(shares, facecolor="none")
        axes.set_zorder(1)  # above the card, below the sheet
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set(color=SOFT, linewidth=0.8)
        axes.tick_params(colors=SOFT, labelsize=12 * _POINTS, width=0.8, length=3.5)
        axes.grid(color=FAINT, linewidth=0.8)
        plain = FontProperties(fname=str(_face(False, False)), size=12 * _POINTS)
        axes.set_xlabel(across, fontproperties=plain, color=INK, labelpad=6)
        axes.set_ylabel(upward, fontproperties=plain, color=INK, labelpad=8)
        return axes
