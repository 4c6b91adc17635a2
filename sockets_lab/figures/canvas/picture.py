"""What every figure function returns: a drawing and its words.

JupyterLab shows the drawing from an HTML `<img>`, because it drops the alternative text of plain
PNG outputs. The same words are the `text/plain` of the output: a screen reader reads them, and
validation compares them, while the pixels, which hold measured times, are left alone.
"""

import io
from base64 import b64encode
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from sockets_lab.interrupts import without_traceback

__all__ = ["CSS_DPI", "Picture"]

CSS_DPI = 100
"""Dots per inch at which one dot of the drawing is one CSS pixel of the page."""

_EXACT, _COLOURS, _APART = 32, 80, 300
_WEIGHTS = np.array([1, 1, 1, 8], np.int32)
"""Of red, green, blue and opacity: what is opaque must not take a colour from the soft corners."""


class Picture:
    """A drawing with a deterministic description in words.

    `figure` is a plain `matplotlib.figure.Figure` (never registered with pyplot, so there is
    nothing to close); `words` says in roles and relations what it shows; `width` is its width on
    the page in CSS pixels.
    """

    def __init__(self, figure: Figure, words: str) -> None:
        self.figure = figure
        self.words = words

    @property
    def width(self) -> int:
        return round(self.figure.get_figwidth() * CSS_DPI)

    @without_traceback("while drawing")
    def png(self, dpi: float = 2 * CSS_DPI) -> bytes:
        """Return the drawing as PNG at `dpi` dots per inch: the same bytes for the same figure."""
        canvas = FigureCanvasAgg(self.figure)
        before = self.figure.dpi
        self.figure.dpi = dpi
        try:
            canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib types only part of itself
            pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]  # the same
            return _pack(np.asarray(pixels))
        finally:
            self.figure.dpi = before

    def save(self, path: str | PathLike[str], dpi: float = 2 * CSS_DPI) -> None:
        """Write the drawing as PNG to `path`, at `dpi` dots per inch.

        Raises ValueError for another kind of file, and what writing the file raises (ENOENT,
        EACCES, ENOSPC).
        """
        if Path(path).suffix.lower() != ".png":
            raise ValueError(
                f"a picture is saved as PNG: give a name that ends in .png, not {path!r}"
            )
        Path(path).write_bytes(self.png(dpi))

    def html(self) -> str:
        """Return an `<img>` element that holds the drawing, with the words as its alt text."""
        data = b64encode(self.png()).decode("ascii")
        return (
            f'<img alt="{escape(self.words)}" src="data:image/png;base64,{data}" '
            f'width="{self.width}" style="max-width:100%;height:auto">'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.words}

    def __repr__(self) -> str:
        return self.words


def _pack(pixels: NDArray[np.uint8]) -> bytes:
    """Return RGBA pixels as a PNG with at most 80 colours: far smaller, and looks the same.

    The most frequent colours stay exact. What is left, all of it on the soft edges of letters and
    lines, becomes the nearest of the colours kept.
    """
    height, width = pixels.shape[:2]
    packed = np.ascontiguousarray(pixels).view("<u4").reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(packed[1:] != packed[:-1]) + 1])
    lengths = np.diff(starts, append=len(packed))  # of the runs of one colour: few, so it is quick
    colours, places = np.unique(packed[starts], return_inverse=True)
    counts = np.bincount(places, weights=lengths)
    counts[places[0]] = len(packed)  # few as they are, pixels outside the corners stay transparent
    rgba = colours.view(np.uint8).reshape(-1, 4)
    kept = _choose(rgba, np.argsort(-counts, kind="stable"))
    index = np.repeat(_nearest(rgba, rgba[kept])[places], lengths).reshape(height, width)
    image = Image.fromarray(index, "P")
    image.putpalette(rgba[kept, :3].tobytes())
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True, transparency=rgba[kept, 3].tobytes())
    return out.getvalue()


def _choose(colours: NDArray[np.uint8], order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the places of the colours to keep: the first in `order`, then such as differ."""
    kept = list(order[:_EXACT])
    rgba = colours.astype(np.int32)
    for place in order[_EXACT:]:
        if len(kept) == _COLOURS:
            break
        if ((rgba[kept] - rgba[place]) ** 2).sum(axis=1).min() >= _APART:
            kept.append(place)
    return np.array(kept)


def _nearest(colours: NDArray[np.uint8], kept: NDArray[np.uint8]) -> NDArray[np.uint8]:
    table = np.empty(len(colours), np.uint8)
    palette = kept.astype(np.int32) * _WEIGHTS
    for start in range(0, len(colours), 1024):
        part = colours[start : start + 1024].astype(np.int32) * _WEIGHTS
        away = ((part[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2)
        table[start : start + 1024] = away.argmin(axis=1)
    return table
