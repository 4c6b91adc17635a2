"""Race of connection attempts: when each began, how it ended, and which one won."""

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sockets_lab.figures.canvas.card import Card, house_settings, text_width
from sockets_lab.figures.canvas.palette import FAINT, GOOD, INK, SOFT, WARNING, Hue, role_hue
from sockets_lab.figures.canvas.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sockets_lab.happy_eyeballs import Attempt, Race

__all__ = ["connection_race"]


def connection_race(
    races: "Mapping[str, Race]", *, title: str = "Who connects first", note: str = ""
) -> Picture:
    """Draw the attempts of one race, or of several below each other, on one time axis.

    races: by name, such as what was different about each

    Times and ports differ from run to run, so the words contain only the addresses, in the order in
    which they were tried, and the outcome of each.

    Raises ValueError for no race, and for one without attempts.
    """
    if not races:
        raise ValueError("nothing to draw: give at least one race by its name")
    for name, race in races.items():
        if not race.attempts:
            raise ValueError(f"nothing was tried in {name!r}: there is no attempt to draw")
    words = [f"{name}: {', '.join(map(_in_words, race.attempts))}" for name, race in races.items()]
    with house_settings():
        return Picture(_draw(races, title, note or _NOTE), "\n".join(words))


def _in_words(attempt: "Attempt") -> str:
    return f"{attempt.endpoint.host} {attempt.outcome}"


# --- drawing ------------------------------------------------------------------------------------

_TOP, _HEAD, _LANE, _WIDE, _LEAST = 78.0, 34.0, 34.0, 480.0, 3.0
_NOTE = "bar: from connect() to its end; when an attempt fails, the next one begins immediately"
_OUTCOMES = ("connected", "given up", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH")


def _draw(races: "Mapping[str, Race]", title: str, note: str) -> Figure:
    hosts = [each.endpoint.host for race in races.values() for each in race.attempts]
    named = [text_width(host, 12, mono=True) for host in hosts]
    named += [text_width(name, 12, bold=True) for name in races]
    left = 24 + max(named) + 18
    room = max(text_width(words, 12, bold=True) for words in (*_OUTCOMES, *_ends(races)))
    high = sum(_HEAD + _LANE * len(race.attempts) for race in races.values())
    right = left + _WIDE + 14
    card = Card(right + 24 + room + 24, _TOP + high + 58, title, note)
    axes = _axes(card, (left, _TOP, _WIDE, high), races)
    y = 0.0
    for name, race in races.items():
        axes.axhline(y, color=FAINT, linewidth=0.8, zorder=0)
        card.text(24, _TOP + y + _HEAD / 2 + 3, name, bold=True)
        y += _HEAD
        for attempt in race.attempts:
            _lane(card, axes, attempt, y + _LANE / 2, right)
            y += _LANE
    return card.figure


def _ends(races: "Mapping[str, Race]") -> list[str]:
    return [each.outcome for race in races.values() for each in race.attempts]


def _axes(card: Card, box: tuple[float, float, float, float], races: "Mapping[str, Race]") -> Axes:
    axes = card.axes(box, "time since the race began (ms)", "")
    last = max(each.ended_s for race in races.values() for each in race.attempts)
    axes.set_xlim(-20 * max(last, 1e-3), 1050 * max(last, 1e-3))
    axes.set_ylim(box[3], 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(8))
    return axes


def _lane(card: Card, axes: Axes, attempt: "Attempt", y: float, right: float) -> None:
    hue = _hue(attempt.outcome)
    card.text(24, _TOP + y, attempt.endpoint.host, mono=True, ink=INK)
    won, lost = attempt.outcome == "connected", attempt.outcome not in {"connected", "given up"}
    if won or lost:
        card.verdict(right + 8, _TOP + y, good=won)
    card.text(right + 24, _TOP + y, attempt.outcome, bold=won, ink=hue.ink if won or lost else SOFT)
    low, high = axes.get_xlim()
    span = max(1000 * (attempt.ended_s - attempt.began_s), _LEAST * (high - low) / _WIDE)
    axes.broken_barh(
        [(1000 * attempt.began_s, span)],
        (y - 9, 18),
        facecolors=hue.tint if not won else hue.line,
        edgecolors=hue.ink,
        linewidth=0.8,
        hatch="" if won else ("xx" if lost else "//"),
        zorder=3,
    )


def _hue(outcome: str) -> Hue:
    return {"connected": GOOD, "given up": role_hue("other")}.get(outcome, WARNING)
