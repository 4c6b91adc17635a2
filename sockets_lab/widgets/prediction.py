"""Predict, then run: the learner commits to an answer before the kernel gives its own."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from sockets_lab.widgets.front_end import WIDGET_VIEW, close, has_kernel, view_of

if TYPE_CHECKING:
    from ipywidgets import HTML, VBox

__all__ = ["Comparison", "Prediction", "predict"]

_LOOK = "display: block; line-height: 1.4"  # inside widgets JupyterLab uses wide line spacing
_WAITING = "Choose one, then run the next cell."
_CHOSEN = "Noted: {answer}. Now run the next cell."

# One prediction for each question: running the cell again starts afresh and removes the buttons.
_current: dict[str, "Prediction"] = {}


def predict(question: str, answers: Sequence[str]) -> "Prediction":
    """Ask for a prediction before something is run.

    Put it on the last line of a cell: it is shown as radio buttons, none of them chosen. Without a
    front end for widgets it is shown as text, and `choose` answers it.

    Arguments: the question; at least two different answers, in the order to be shown.
    Returns a `Prediction`; its `compare` takes what happened.
    Raises ValueError when there are fewer than two answers, or two that are the same.
    """
    prediction = Prediction(question, answers)
    earlier = _current.get(question)
    if earlier is not None:
        earlier.close()
    _current[question] = prediction
    return prediction


class Comparison(NamedTuple):
    """A prediction beside what was observed; `predicted` is None when nothing was chosen."""

    predicted: str | None
    observed: str

    @property
    def right(self) -> bool | None:
        """Return True if the prediction came true, or None when there was none."""
        return None if self.predicted is None else self.predicted == self.observed

    def __str__(self) -> str:
        if self.predicted is None:
            return f'no prediction made; the kernel says "{self.observed}"'
        verdict = "right" if self.right else "not yet"
        return f'you predicted "{self.predicted}"; the kernel says "{self.observed}": {verdict}'

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        observed = f"the kernel says <strong>{escape(self.observed)}</strong>"
        if self.predicted is None:
            return f"<p>no prediction made; {observed}</p>"
        glyph, verdict = ("✓", "right") if self.right else ("✗", "not yet")
        return (
            f"<p>you predicted <strong>{escape(self.predicted)}</strong>; {observed}: "
            f'<span aria-hidden="true">{glyph}</span> <strong>{verdict}</strong></p>'
        )


class Prediction:
    """A question, its answers and the one chosen so far (`chosen`, None at first)."""

    def __init__(self, question: str, answers: Sequence[str]) -> None:
        if isinstance(answers, str) or len(answers) < 2 or len(set(answers)) < len(answers):
            raise ValueError(f"give at least two different answers, not {answers!r}")
        self.question = question
        self.answers = tuple(answers)
        self.chosen: str | None = None
        self._widget: VBox | None = None

    def choose(self, answer: str) -> "Prediction":
        """Choose `answer`, as a click on its button does.

        Raises ValueError when it is not one of the answers.
        """
        if answer not in self.answers:
            raise ValueError(
                f"{answer!r} is not one of the answers: choose from {list(self.answers)!r}"
            )
        self.chosen = answer
        if self._widget is not None:
            self._widget.children[1].value = answer
        return self

    def compare(self, observed: str) -> Comparison:
        """Put the prediction beside what was `observed`."""
        return Comparison(self.chosen, observed)

    def close(self) -> None:
        """Remove the buttons; the choice stays."""
        widget, self._widget = self._widget, None
        close(widget)

    def __repr__(self) -> str:
        mark = {answer: "x" if answer == self.chosen else " " for answer in self.answers}
        marked = (f"  ({mark[answer]}) {answer}" for answer in self.answers)
        return "\n".join([self.question, *marked])

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(answer)}</li>" for answer in self.answers)
        return f"<p><strong>{escape(self.question)}</strong></p><ul>{items}</ul>"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, str | dict[str, Any]]:
        """Return words for every reader, and the buttons for a front end that can show them."""
        bundle: dict[str, str | dict[str, Any]] = {
            "text/plain": repr(self),
            "text/html": self._repr_html_(),
        }
        if has_kernel():
            self._widget = self._widget or _buttons(self)
            bundle[WIDGET_VIEW] = view_of(self._widget)
        return bundle


def _buttons(prediction: Prediction) -> "VBox":
    from ipywidgets import HTML, RadioButtons, VBox

    buttons = RadioButtons(
        options=prediction.answers,
        value=prediction.chosen,
        layout={"width": "max-content", "max_width": "100%"},
    )
    status = HTML(_status(prediction.chosen))
    buttons.observe(lambda change: _note(prediction, change, status), names="value")
    question = HTML(f'<strong style="{_LOOK}">{escape(prediction.question)}</strong>')
    return VBox([question, buttons, status])


def _note(prediction: Prediction, change: Mapping[str, Any], status: "HTML") -> None:
    prediction.chosen = change["new"]
    status.value = _status(prediction.chosen)


def _status(chosen: str | None) -> str:
    words = _WAITING if chosen is None else _CHOSEN.format(answer=chosen)
    return f'<span role="status" style="{_LOOK}">{escape(words)}</span>'
