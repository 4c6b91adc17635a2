"""Draw when the tasks of an event loop ran and when they waited, one lane for each task."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sockets_lab.figures.canvas.card import Card, house_settings, text_width
from sockets_lab.figures.canvas.palette import FAINT, INK, SOFT, role_hue
from sockets_lab.figures.canvas.picture import Picture

if TYPE_CHECKING:
    from sockets_lab.recording import Step, Timeline

__all__ = ["task_timeline"]


def task_timeline(timeline: "Timeline", *, title: str = "Who runs when") -> Picture:
    """Draw each task's steps as bars, and its waits as a thin line between them.

    The words name the tasks, and report if two of them ever ran at the same time and how each
    ended. Times and the number of steps differ on every run: they are in the drawing only.

    Raises ValueError for a timeline on which nothing has run.
    """
    steps = {name: each for name, each in timeline.steps.items() if each}
    if not steps:
        raise ValueError("nothing to draw: await timeline.watch(name, coroutine) first")
    overlap = "yes" if _overlap(steps) else "no"
    words = [
        f"tasks in one thread: {', '.join(steps)}",
        f"two of them running at the same time: {overlap}",
        *(f"{name}: {timeline.ends.get(name, 'has not ended')}" for name in steps),
    ]
    with house_settings():
        return Picture(_draw(steps, timeline.ends, title), "\n".join(words))


def _overlap(steps: "Mapping[str, Sequence[Step]]") -> bool:
    every = sorted(step for each in steps.values() for step in each)
    return any(one.ended_s > other.began_s for one, other in pairwise(every))


# --- drawing ------------------------------------------------------------------------------------

_TOP, _LANE, _WIDE, _LEAST = 84.0, 40.0, 520.0, 2.5
_NOTE = "bar: the task runs; line: it waits; a step is at least as wide as can be seen"
_ENDS = ("returned", "cancelled", "has not ended", "raised SomethingError")


def _draw(steps: "Mapping[str, Sequence[Step]]", ends: Mapping[str, str], title: str) -> Figure:
    left = 24 + max(text_width(name, 12, bold=True) for name in steps) + 18
    room = max(text_width(words, 11) for words in (*_ENDS, *ends.values()))
    high, right = _LANE * len(steps), left + _WIDE + 14
    card = Card(right + room + 24, _TOP + high + 62, title, _NOTE)
    axes = _axes(card, (left, _TOP, _WIDE, high), steps)
    for at, (name, each) in enumerate(steps.items()):
        y = _LANE * (at + 0.5)
        card.text(24, _TOP + y, name, bold=True)
        card.text(right, _TOP + y, ends.get(name, "has not ended"), size=11, ink=SOFT)
        axes.axhline(y + _LANE / 2, color=FAINT, linewidth=0.8, zorder=0)
        _lane(axes, y, each)
    return card.figure


def _axes(
    card: Card, area: tuple[float, float, float, float], steps: "Mapping[str, Sequence[Step]]"
) -> Axes:
    axes = card.axes(area, "time (ms)", "")
    first = min(each[0].began_s for each in steps.values())
    last = max(each[-1].ended_s for each in steps.values())
    spare = max(0.02 * (last - first), 1e-4)
    axes.set_xlim(1000 * (first - spare), 1000 * (last + spare))
    axes.set_ylim(area[3], 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(8))
    return axes


def _lane(axes: Axes, y: float, steps: "Sequence[Step]") -> None:
    hue = role_hue("connection")
    low, high = axes.get_xlim()
    least = _LEAST * (high - low) / _WIDE
    axes.plot(
        [1000 * steps[0].began_s, 1000 * steps[-1].ended_s], [y, y], color=SOFT, lw=1.2, zorder=2
    )
    spans = [(1000 * one.began_s, max(1000 * (one.ended_s - one.began_s), least)) for one in steps]
    axes.broken_barh(spans, (y - 11, 22), facecolors=hue.line, edgecolors=INK, lw=0.4, zorder=3)
