"""Picture: a drawing and its words, as every figure function returns them.

JupyterLab drops the alternative text of plain PNG outputs, so the drawing is shown by an HTML
`<img>`. The same words are the `text/plain` of the output: a screen reader reads them, and
validation compares them. The pixels hold measured times, so they are not compared.
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

_EXACT, _COLOURS, _APART = 32, 56, 500
"""Colours kept as they are, colours in all, and the least squared distance of the others."""

_COMPRESSION = 8
"""zlib's level. 9 takes 2.4 times as long for 5 % fewer bytes, 6 half as long for 6 % more."""

_WEIGHTS = np.array([1.0, 1.0, 1.0, 8.0])
"""Of red, green, blue and opacity: an opaque pixel must not take a colour of the soft corners."""


class Picture:
    """A drawing with a deterministic description in words.

    `figure` is a plain `matplotlib.figure.Figure`, not registered with pyplot, so there is nothing
    to close. `words` describe what it shows, in roles and relations.
    """

    def __init__(self, figure: Figure, words: str) -> None:
        self.figure = figure
        self.words = words

    @property
    def width(self) -> int:
        """Return the width on the page in CSS pixels."""
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

        Raises ValueError for a name that does not end in .png, and OSError if the file cannot be
        written (ENOENT, EACCES, ENOSPC).
        """
        if Path(path).suffix.lower() != ".png":
            raise ValueError(
                f"pictures are saved as PNG: give a name that ends in .png, not {path!r}"
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
    """Return RGBA pixels as a PNG with at most 56 colours, which looks the same.

    The most frequent colours stay exact. The others, nearly all on soft edges of letters and lines,
    become the nearest colour of the palette.

    Pillow's `Image.quantize` was tried on ten pictures, with 56 colours and the same compression
    (in CPU time): this function gives 454 KB in 0.27 s, FASTOCTREE 449 KB in 0.33 s, MEDIANCUT
    461 KB in 1.00 s, and no palette at all 1,553 KB in 0.72 s. FASTOCTREE changes the colour of
    whole areas (the pale blue of a client becomes grey); MEDIANCUT has no transparency, which the
    card's corners need.
    """
    height, width = pixels.shape[:2]
    packed = np.ascontiguousarray(pixels).view("<u4").reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(packed[1:] != packed[:-1]) + 1])
    lengths = np.diff(starts, append=len(packed))  # of runs of one colour: there are few
    colours, which = np.unique(packed[starts], return_inverse=True)
    counts = np.bincount(which, weights=lengths)
    counts[which[0]] = len(packed)  # few as they are, pixels outside the corners stay transparent
    rgba = colours.view(np.uint8).reshape(-1, 4)
    palette = _choose(rgba[np.argsort(-counts, kind="stable")])
    nearest = _distances(rgba, palette).argmin(axis=1).astype(np.uint8)
    image = Image.fromarray(np.repeat(nearest[which], lengths).reshape(height, width), "P")
    image.putpalette(palette[:, :3].tobytes())
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=_COMPRESSION, transparency=palette[:, 3].tobytes())
    return out.getvalue()


def _choose(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the palette: the first of `colours`, then those that differ from all before."""
    palette = colours[:_EXACT]
    nearest = _distances(colours, palette).min(axis=1)
    while len(palette) < _COLOURS and (nearest >= _APART).any():
        more = colours[[(nearest >= _APART).argmax()]]
        palette = np.concatenate([palette, more])
        nearest = np.minimum(nearest, _distances(colours, more)[:, 0])
    return palette


def _distances(colours: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the squared distance of each colour (row) from each of the palette (column)."""
    these, those = colours * _WEIGHTS, palette * _WEIGHTS
    squares = (these**2).sum(axis=1)[:, None] + (those**2).sum(axis=1)
    products = np.einsum("ic,jc->ij", these, those)  # `@` would start BLAS threads for this little
    distances: NDArray[np.float64] = squares - 2 * products
    return distances
