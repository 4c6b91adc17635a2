"""Step through a recording, one call at a time, with the kernel's states after each."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from sockets_lab.widgets.front_end import WIDGET_VIEW, close, has_kernel, view_of

if TYPE_CHECKING:
    from ipywidgets import VBox

    from sockets_lab.recording import Call, Recording

__all__ = ["Stepper", "step_through"]

_WINDOW = 9  # calls shown at once around the current one: as many as fit beside the text
_TABLE = "border-collapse: collapse; line-height: 1.5"
_CELL = "text-align: left; padding: 0.1em 0.8em; white-space: nowrap"
_ROWS = {  # by position relative to the current step; the text keeps the colour of the theme
    "before": "",
    "here": ' aria-current="step" style="background: rgba(0, 114, 178, 0.28)"',
    "after": ' style="opacity: 0.6"',
}

# One stepper for each list of steps: running the cell again removes the old slider.
_current: dict[str, "Stepper"] = {}


def step_through(recording: "Recording") -> "Stepper":
    """Step through `recording` call by call, with the kernel's states after each call.

    Put it on the last line of a cell: a slider and two buttons move through the calls, and a table
    shows the state of each socket. States are there when they were recorded: `record(states=True)`.
    Without a front end for widgets it is a list of all steps.

    Returns a `Stepper`; it keeps the calls recorded so far.
    """
    stepper = Stepper(recording)
    earlier = _current.get(repr(stepper))
    if earlier is not None:
        earlier.close()
    _current[repr(stepper)] = stepper
    return stepper


class Stepper:
    """The calls of a recording, one by one; `step` is the current one, from 1."""

    def __init__(self, recording: "Recording") -> None:
        self.calls: tuple[Call, ...] = tuple(recording)
        self.step = 1
        self._widget: VBox | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the sockets whose states were recorded, in the order they appear."""
        return tuple(dict.fromkeys(role for call in self.calls for role in call.states or ()))

    def close(self) -> None:
        """Remove the slider and its buttons."""
        widget, self._widget = self._widget, None
        close(widget)

    def __repr__(self) -> str:
        return "\n".join(_lines(self.calls)) or "no call was recorded"

    def _repr_html_(self) -> str:
        if not self.calls:
            return "<p>no call was recorded</p>"
        if len(_threads(self.calls)) > 1:
            return f"<pre>{escape(repr(self))}</pre>"
        return _table(self.calls, self.roles)

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, str | dict[str, Any]]:
        """Return words for every reader, and the slider for a front end that can show it."""
        bundle: dict[str, str | dict[str, Any]] = {
            "text/plain": repr(self),
            "text/html": self._repr_html_(),
        }
        if has_kernel() and self.calls:
            self._widget = self._widget or _slider_view(self)
            bundle[WIDGET_VIEW] = view_of(self._widget)
        return bundle


def _threads(calls: "Sequence[Call]") -> tuple[str, ...]:
    return tuple(dict.fromkeys(call.thread for call in calls))


def _lines(calls: "Sequence[Call]") -> Iterator[str]:
    """Yield every step as words: with states, or thread by thread where several took part.

    Threads race: which of two calls came first, and the kernel's states in between, differ from run
    to run. The calls of each thread do not.
    """
    threads = _threads(calls)
    if len(threads) < 2:
        yield from _steps(calls)
        return
    for thread in sorted(threads):
        yield f"{thread}:"
        calls_here = [call for call in calls if call.thread == thread]
        yield from (f"  {number}. {call}" for number, call in enumerate(calls_here, 1))


def _steps(calls: "Sequence[Call]") -> Iterator[str]:
    before: dict[str, str] = {}
    for number, call in enumerate(calls, 1):
        after = dict(call.states or {})
        changed = [f"{role} {state}" for role, state in after.items() if before.get(role) != state]
        yield f"{number}. {call}" + (f"   [{', '.join(changed)}]" if changed else "")
        before = after


def _table(calls: "Sequence[Call]", roles: Sequence[str], step: int = 0, first: int = 1) -> str:
    """Return `calls`, numbered from `first`, as a table; the row numbered `step` is highlighted."""
    head = "".join(_cell("th", text, ' scope="col"') for text in ("step", "call", *roles))
    rows = "".join(_row(call, roles, number, step) for number, call in enumerate(calls, first))
    return (
        f'<div style="overflow-x: auto"><table style="{_TABLE}">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(call: "Call", roles: Sequence[str], number: int, step: int) -> str:
    states = call.states or {}
    where = "here" if number == step else "after" if 0 < step < number else "before"
    cells = (str(call), *(states.get(role, "") for role in roles))
    head = _cell("th", str(number), ' scope="row"')
    return f"<tr{_ROWS[where]}>{head}{''.join(_cell('td', text) for text in cells)}</tr>"


def _cell(tag: str, text: str, attributes: str = "") -> str:
    return f'<{tag}{attributes} style="{_CELL}">{escape(text)}</{tag}>'


def _slider_view(stepper: Stepper) -> "VBox":
    from ipywidgets import HTML, Button, HBox, IntSlider, VBox

    last = len(stepper.calls)
    slider = IntSlider(stepper.step, min=1, max=last, description="Step", continuous_update=True)
    earlier = Button(description="Previous", icon="chevron-left", tooltip="one call back")
    later = Button(description="Next", icon="chevron-right", tooltip="one call on")
    view = HTML()

    def show(step: int) -> None:
        stepper.step = step
        earlier.disabled, later.disabled = step == 1, step == last
        view.value = _page(stepper)

    def move(by: int) -> None:
        slider.value += by  # the slider keeps to its ends

    slider.observe(lambda change: show(change["new"]), names="value")
    earlier.on_click(lambda _: move(-1))
    later.on_click(lambda _: move(+1))
    show(stepper.step)
    return VBox([HBox([earlier, later, slider]), view])


def _page(stepper: Stepper) -> str:
    """Return the view of the current step: the call in words, and the calls around it."""
    step, last = stepper.step, len(stepper.calls)
    start = max(0, min(step - 1 - _WINDOW // 2, last - _WINDOW))
    calls = stepper.calls[start : start + _WINDOW]
    heading = f"step {step} of {last}: {stepper.calls[step - 1]}"
    table = _table(calls, stepper.roles, step, start + 1)
    return f'<p role="status">{escape(heading)}</p>{table}'
