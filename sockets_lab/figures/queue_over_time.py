"""Accept queue of a listener over time, and its limit."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sockets_lab.figures.canvas.card import Card, house_settings
from sockets_lab.figures.canvas.palette import CARD, role_hue
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.kernel import History

__all__ = ["queue_over_time"]

_BOX = (74.0, 84.0, 560.0, 250.0)


class _Level(NamedTuple):
    at_s: float
    queue: int
    limit: int


def queue_over_time(
    history: History, *, listener: str = "listener", title: str = "The accept queue over time"
) -> Picture:
    """Draw how many completed connections waited for `accept()`, and the queue's limit.

    `history` is what `watch()` returned, `listener` the role of the listener to draw. Linux accepts
    one connection more than the limit, as it refuses only when the queue is *above* its limit
    (`sk_acceptq_is_full`, include/net/sock.h).

    Raises ValueError if the history holds no such listener, or no length of its queue.
    """
    levels = _levels(history, listener)
    with house_settings():
        return Picture(_draw(levels, title), _words(levels))


def _levels(history: History, listener: str) -> list[_Level]:
    views = [(s.at_s, v) for s in history.samples for v in s.snapshot.views if v.role == listener]
    if not views:
        raise ValueError(f"no socket called {listener!r} in this history: watch it by that role")
    levels = [
        _Level(at_s, view.queue, view.queue_limit)
        for at_s, view in views
        if view.queue is not None and view.queue_limit is not None
    ]
    if not levels:
        raise ValueError(
            f"no accept queue of {listener!r} to draw: it is not listening, or this machine "
            "cannot show queues (run `sockets-lab doctor` to see what it can show)"
        )
    return levels


def _words(levels: Sequence[_Level]) -> str:
    turns = _turns([level.queue for level in levels])
    limit = f"its limit is {levels[-1].limit}"
    if len(turns) == 1:
        return f"the accept queue stays at {turns[0]}, {limit}"
    moves = ["rises" if after > before else "falls" for before, after in pairwise(turns)]
    start = "" if moves[0] == "rises" else f" from {turns[0]}"
    first = f"the accept queue {moves[0]}{start} to {turns[1]}, {limit}"
    rest = [f"then it {move} to {to}" for move, to in zip(moves[1:], turns[2:], strict=True)]
    return "; ".join([first, *rest])


def _turns(values: Sequence[int]) -> list[int]:
    """Return the first value, each local maximum and minimum, and the last value.

    The values between them are left out: how many of them are seen differs from run to run.
    """
    turns: list[int] = []
    for value in values:
        if turns and value == turns[-1]:
            continue
        onward = len(turns) > 1 and (turns[-1] > turns[-2]) == (value > turns[-1])
        turns[len(turns) - onward :] = [value]
    return turns


def _draw(levels: Sequence[_Level], title: str) -> Figure:
    left, top, width, height = _BOX
    card = Card(left + width + 96, top + height + 64, title, _NOTE)
    axes = card.axes(_BOX, "time (ms)", "connections waiting for accept()")
    hue = role_hue("listener")
    limit, highest = levels[-1].limit, max(level.queue for level in levels)
    near = limit <= 3 * max(highest, 2)
    ceiling = max(highest, limit if near else 0, 1) + 1.2
    _plot(axes, levels, ceiling)
    if near:
        _mark_limit(axes, limit, ceiling)
        y = top + height * (1 - limit / ceiling)
        card.box(left + width - 104, top + 8, 96, 20, CARD, radius=10, stroke=0, level=3)
        card.text(
            left + width - 56, top + 18, "above the limit", size=11, ink=hue.ink, align="center"
        )
        card.text(left + width + 10, y, f"limit {limit}", bold=True, ink=hue.ink)
    else:
        card.text(left + width + 10, top + 8, f"↑ limit {limit}", bold=True, ink=hue.ink)
    return card.figure


_NOTE = "connections that the kernel has completed and the server has not accepted yet"


def _plot(axes: Axes, levels: Sequence[_Level], ceiling: float) -> None:
    start = levels[0].at_s
    times = [(level.at_s - start) * 1000 for level in levels]
    times.append(max(times[-1] * 1.02, 0.1))
    queue = [level.queue for level in levels]
    queue.append(queue[-1])
    hue = role_hue("connection")
    axes.fill_between(times, queue, step="post", color=hue.tint, linewidth=0, zorder=2)
    axes.step(times, queue, where="post", color=hue.line, linewidth=1.7, zorder=4, clip_on=False)
    axes.set_xlim(0, times[-1])
    axes.set_ylim(0, ceiling)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))


def _mark_limit(axes: Axes, limit: int, ceiling: float) -> None:
    hue = role_hue("listener")
    axes.axhspan(
        limit, ceiling, facecolor=hue.tint, edgecolor=f"{hue.line}33", hatch="//", zorder=1
    )
    axes.axhline(limit, color=hue.line, linewidth=1.3, linestyle=(0, (5, 3)), zorder=3)
