"""Draw the kernel's states of every socket as bars along the time."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

from matplotlib.figure import Figure

from sockets_lab.figures.calls.state_label import state_label
from sockets_lab.figures.canvas.card import Card, house_settings, pill_width, text_width
from sockets_lab.figures.canvas.palette import SOFT, kind_of, look_of_state, role_hue
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.kernel import History
from sockets_lab.recording import Call

__all__ = ["states_over_time"]

_TOP, _ROW, _BAR, _PLOT = 84.0, 40.0, 24.0, 620.0


class _Seen(NamedTuple):
    """What one look showed of one socket: its state, and if a process holds a descriptor."""

    state: str
    held: bool = True

    def __str__(self) -> str:
        early = not self.held and self.state in {"ESTABLISHED", "CLOSE_WAIT"}
        return f"{self.state} (not accepted yet)" if early else state_label(self.state)


class _Bar(NamedTuple):
    seen: _Seen
    start_s: float
    end_s: float


_Bars = dict[str, list[_Bar]]
_Looks = list[tuple[float, Mapping[str, _Seen]]]


def states_over_time(
    source: History | Iterable[Call], *, title: str = "States over time"
) -> Picture:
    """Draw each socket's kernel states as a bar along the time, in milliseconds.

    `source` comes from `watch()`, or is a recording made with `record(states=True)`. A dashed bar
    is a connection that no process holds: not accepted yet, or closed already.

    Raises ValueError when no state was observed.
    """
    looks = _watched(source) if isinstance(source, History) else _recorded(source)
    if not looks:
        raise ValueError(
            "no states to draw: watch at least one socket, or record with record(states=True)"
        )
    bars = _bars(looks)
    with house_settings():
        return Picture(_draw(bars, title), _words(bars))


def _watched(history: History) -> _Looks:
    return [
        (at_s, {v.role: _Seen(v.state, v.has_descriptor is not False) for v in snapshot.views})
        for at_s, snapshot in history.samples
        if snapshot.views
    ]


def _recorded(calls: Iterable[Call]) -> _Looks:
    """Return the recorded states; the calls show which sockets have a descriptor."""
    looks: _Looks = []
    closed: set[str] = set()
    accepted: set[str] = set()
    for call in sorted(calls, key=lambda call: call.ended_s):
        accepted |= {call.role, call.accepted or call.role}
        closed |= {call.role} if call.name == "close" else set()
        states = call.states or {}
        bare = closed | {role for role in states if kind_of(role) == "connection"} - accepted
        seen = {role: _Seen(state, role not in bare) for role, state in states.items()}
        if seen:
            looks.append((call.ended_s, seen))
    return looks


def _bars(looks: _Looks) -> _Bars:
    """Join looks that saw the same; a bar lasts until the next look."""
    bars: _Bars = {}
    times = [at_s - looks[0][0] for at_s, _ in looks]
    last = max(times[-1] * 1.02, 1e-4)
    for (_, seen), start_s, end_s in zip(looks, times, [*times[1:], last], strict=True):
        for role, what in seen.items():
            row = bars.setdefault(role, [])
            if row and row[-1].seen == what and row[-1].end_s == start_s:
                row[-1] = row[-1]._replace(end_s=end_s)
            else:
                row.append(_Bar(what, start_s, end_s))
    return bars


def _words(bars: _Bars) -> str:
    return "\n".join(f"{role}: {_in_order(row)}" for role, row in bars.items())


def _in_order(row: list[_Bar]) -> str:
    """Return the states in order, without repeats, the same on every run."""
    steady = [bar.seen for bar in row if bar.seen.state not in _FLEETING] or [row[-1].seen]
    return ", then ".join(words for words, _ in groupby(map(str, steady)))


_FLEETING = {"CLOSING", "LAST_ACK"}
"""States that last microseconds on loopback: a look catches them by chance."""


def _draw(bars: _Bars, title: str) -> Figure:
    left = 24 + max(text_width(role, 12, bold=True) for role in bars) + 16
    bottom = _TOP + _ROW * len(bars)
    legend = _unlabelled(bars)
    dashed = any(not bar.seen.held for row in bars.values() for bar in row)
    below = bottom + 74
    card = Card(
        left + _PLOT + 32,
        below + 24 * (bool(legend) + dashed) + (4 if legend or dashed else -14),
        title,
        _NOTE,
    )
    axes = card.axes((left, _TOP - 8, _PLOT, bottom - _TOP + 12), "time (ms)", "")
    axes.set_xlim(0, _span(bars) * 1000)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for at, (role, row) in enumerate(bars.items()):
        y = _TOP + _ROW * (at + 0.5)
        card.text(left - 16, y, role, bold=True, ink=role_hue(kind_of(role)).ink, align="right")
        for bar in row:
            _draw_bar(card, bar, left, y, _PLOT / _span(bars))
    _draw_legend(card, legend, dashed, below)
    return card.figure


_NOTE = "what the kernel reported, socket by socket"
_BARE = "no descriptor: not accepted yet, or closed already"


def _span(bars: _Bars) -> float:
    return max(bar.end_s for row in bars.values() for bar in row)


def _width(bar: _Bar, span_s: float) -> float:
    return max(4.0, (bar.end_s - bar.start_s) * _PLOT / span_s)


def _unlabelled(bars: _Bars) -> list[str]:
    """Return the states that have a bar too short for their name."""
    span_s = _span(bars)
    every = [bar for row in bars.values() for bar in row]
    short = [bar.seen.state for bar in every if _width(bar, span_s) < pill_width(bar.seen.state)]
    return list(dict.fromkeys(short))


def _draw_bar(card: Card, bar: _Bar, left: float, y: float, scale: float) -> None:
    look, state = look_of_state(bar.seen.state), bar.seen.state
    x, width = left + bar.start_s * scale, max(4.0, (bar.end_s - bar.start_s) * scale)
    top, dashed = y - _BAR / 2, not bar.seen.held
    card.box(x, top, width, _BAR, look.fill, _pale(state), radius=4, hatch=look.hatch, stroke=0)
    card.box(x, top, width, _BAR, "none", look.edge, radius=4, dashed=dashed, level=3)
    if width >= pill_width(state):
        _name(card, x + width / 2, y, state)


def _pale(state: str) -> str:
    """Return the colour of a hatch: strong enough to be seen, too pale to disturb the letters."""
    return look_of_state(state).edge + "55"


def _name(card: Card, x: float, y: float, state: str) -> None:
    look, half = look_of_state(state), pill_width(state) / 2 - 4
    if look.hatch:
        card.box(x - half, y - 8, 2 * half, 16, look.fill, radius=8, stroke=0, level=4)
    card.text(x, y, state, size=10, ink=look.ink, bold=True, align="center")


def _draw_legend(card: Card, states: list[str], dashed: bool, y: float) -> None:
    x = 24.0
    for state in states:
        look = look_of_state(state)
        card.box(x, y - 8, 22, 16, look.fill, _pale(state), radius=4, hatch=look.hatch, stroke=0)
        card.box(x, y - 8, 22, 16, "none", look.edge, radius=4, level=3)
        card.text(x + 30, y, state, size=11, ink=SOFT)
        x += 30 + text_width(state, 11) + 22
    if dashed:
        y += 24 * bool(states)
        card.box(24, y - 8, 22, 16, "none", SOFT, radius=4, dashed=True)
        card.text(54, y, _BARE, size=11, ink=SOFT)
