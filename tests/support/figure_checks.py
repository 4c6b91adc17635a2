"""Checks of drawings: where every artist is, and which colours meet.

Everything here measures what matplotlib draws, in pixels of the drawing at some density, so that a
word that is clipped, covered by another or too pale to read fails a test.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

Colours = NDArray[np.float64]


def texts(figure: Figure) -> list[Text]:
    """Return all text that is visible, ticks and axis labels included."""
    return [artist for artist in artists(figure) if isinstance(artist, Text)]


def artists(figure: Figure) -> Iterator[Artist]:
    """Yield every artist that is drawn and has a size."""
    yield from figure.artists
    for axes in figure.axes:
        yield from (*axes.lines, *axes.patches, *axes.collections, *axes.texts)
        if axes.axison:
            for axis in (axes.xaxis, axes.yaxis):
                yield from (text for text in [axis.get_label(), *_ticks(axis)] if text.get_text())


def _ticks(axis: Axis) -> Iterator[Text]:
    """Yield the visible numbers of an axis; matplotlib keeps hidden ones beyond its ends."""
    low, high = sorted(axis.get_view_interval())
    for tick, text in zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True):
        if low <= tick <= high:
            yield text


def draw(figure: Figure, dpi: float) -> Any:
    """Draw at `dpi` dots per inch; return the canvas, whose renderer measures text."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas


def faults(figure: Figure, dpi: float) -> list[str]:
    """Return what is clipped at the canvas, and the words that overlap."""
    renderer = draw(figure, dpi).get_renderer()
    boxes = [(artist, artist.get_window_extent(renderer)) for artist in artists(figure)]
    paper = Bbox([[-0.5, -0.5], [figure.bbox.width + 0.5, figure.bbox.height + 0.5]])
    beyond = [f"{artist} is clipped" for artist, box in boxes if not _within(box, paper)]
    words = [(one.get_text(), box) for one, box in boxes if isinstance(one, Text)]
    return beyond + _overlapping(words)


def _overlapping(words: list[tuple[str, Bbox]]) -> list[str]:
    """Return the pairs of words that overlap by more than a pixel."""
    return [
        f"{one!r} and {two!r} overlap"
        for (one, a), (two, b) in combinations(words, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]


def _within(box: Bbox, paper: Bbox) -> bool:
    return bool(
        box.x0 >= paper.x0 and box.y0 >= paper.y0 and box.x1 <= paper.x1 and box.y1 <= paper.y1
    )


def pale(figure: Figure, least: float = 4.5) -> list[str]:
    """Return the words whose contrast with what is drawn under them is less than `least` to 1.

    A colour that fills less than a tenth of the word's box (the edge of a pill, a grid line) is not
    its background. WCAG 2.1, 1.4.3.
    """
    written = texts(figure)
    renderer = draw(figure, 100).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in written]
    for text in written:
        text.set_visible(False)
    under = np.asarray(draw(figure, 100).buffer_rgba())[..., :3]
    for text in written:
        text.set_visible(True)
    return [
        f"{text.get_text()!r}: {worst:.1f}"
        for text, box in zip(written, boxes, strict=True)
        if (worst := _contrast_with(text, under, box)) < least
    ]


def _contrast_with(text: Text, pixels: NDArray[np.uint8], box: Bbox) -> float:
    height = pixels.shape[0]
    rows = slice(max(0, round(height - box.y1)), round(height - box.y0))
    part = pixels[rows, max(0, round(box.x0)) : round(box.x1)].reshape(-1, 3)
    colours, counts = np.unique(part, axis=0, return_counts=True)
    wide = colours[counts >= 0.1 * len(part)] / 255
    ink = to_rgb(text.get_color())
    return min(contrast(ink, tuple(colour)) for colour in wide)


def contrast(one: Any, two: Any) -> float:
    """Return the contrast ratio of two colours (WCAG 2.1)."""
    lighter, darker = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Any) -> float:
    return float(linear(colour) @ np.array([0.2126, 0.7152, 0.0722]))


def linear(colour: Any) -> Colours:
    """Return a colour in linear light."""
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


# Colours as seen with one kind of cone missing (Machado, Oliveira and Fernandes 2009).
VISIONS: dict[str, Colours] = {
    "full": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}

_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
) / np.array([[0.9505], [1.0], [1.089]])


def colour_distance(one: str, two: str, vision: str) -> float:
    """Return the CIE 1976 distance of two colours for `vision`; about 2.3 is just noticeable."""
    return float(np.linalg.norm(_lab(one, vision) - _lab(two, vision)))


def _lab(colour: str, vision: str) -> Colours:
    xyz = _XYZ @ np.clip(VISIONS[vision] @ linear(colour), 0, 1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
