"""Predictions and stepping: in a plain script, in a kernel, and run twice."""

import socket
from collections.abc import Iterator
from typing import Any

import IPython
import pytest
from ipywidgets import Widget

from sockets_lab import record
from sockets_lab.recording import Call
from sockets_lab.widgets import Comparison, predict, step_through
from sockets_lab.widgets.front_end import WIDGET_VIEW, has_kernel
from tests.conftest import Family

QUESTION = "What does connect() do before the server accepts?"
ANSWERS = ("it waits", "it completes", "it is refused")


SETTING_UP = (
    Call(1, "listener", "listen", "1", states={"listener": "LISTEN"}),
    Call(
        *(2, "client 1", "connect", "the listener's address"),
        states={"listener": "LISTEN", "client 1": "ESTABLISHED", "connection 1": "ESTABLISHED"},
    ),
    Call(
        *(3, "client 1", "close"),
        states={"listener": "LISTEN", "client 1": "FIN_WAIT_2", "connection 1": "CLOSE_WAIT"},
    ),
)


class FakeShell:
    kernel = object()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run as if in a Jupyter kernel; close all widgets afterwards."""
    monkeypatch.setattr(IPython, "get_ipython", FakeShell)
    yield
    Widget.close_all()


def living() -> int:
    from ipywidgets.widgets import widget

    return len(widget._instances)


def parts(shown: Any) -> Any:
    shown._repr_mimebundle_()
    return shown._widget.children


def test_a_script_has_no_front_end() -> None:
    assert not has_kernel()
    assert set(predict(QUESTION, ANSWERS)._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_prediction_is_text_without_a_front_end() -> None:
    prediction = predict(QUESTION, ANSWERS)

    assert repr(prediction) == (
        f"{QUESTION}\n  ( ) it waits\n  ( ) it completes\n  ( ) it is refused"
    )


def test_chosen_answer_is_marked() -> None:
    assert "(x) it waits" in repr(predict(QUESTION, ANSWERS).choose("it waits"))


def test_words_do_not_depend_on_a_front_end(kernel: None) -> None:
    bundle = predict(QUESTION, ANSWERS)._repr_mimebundle_()

    assert bundle.pop(WIDGET_VIEW)
    assert bundle == {
        "text/plain": f"{QUESTION}\n  ( ) it waits\n  ( ) it completes\n  ( ) it is refused",
        "text/html": f"<p><strong>{QUESTION}</strong></p>"
        "<ul><li>it waits</li><li>it completes</li><li>it is refused</li></ul>",
    }


@pytest.mark.parametrize("answers", [(), ("one",), ("same", "same"), "text"])
def test_rejects_answers_that_leave_no_choice(answers: Any) -> None:
    with pytest.raises(ValueError, match="at least two different answers"):
        predict(QUESTION, answers)


def test_rejects_a_choice_that_is_not_an_answer() -> None:
    with pytest.raises(ValueError, match="'it flies' is not one of the answers"):
        predict(QUESTION, ANSWERS).choose("it flies")


def test_compares_prediction_with_observation() -> None:
    prediction = predict(QUESTION, ANSWERS)

    assert str(prediction.compare("it completes")) == (
        'no prediction made; the kernel says "it completes"'
    )
    assert str(prediction.choose("it waits").compare("it completes")) == (
        'you predicted "it waits"; the kernel says "it completes": not yet'
    )
    assert str(prediction.choose("it completes").compare("it completes")) == (
        'you predicted "it completes"; the kernel says "it completes": right'
    )


def test_comparison_knows_whether_it_was_right() -> None:
    assert Comparison(None, "a").right is None
    assert Comparison("a", "a").right is True
    assert Comparison("a", "b").right is False


def test_html_is_escaped() -> None:
    prediction = predict("is 1 < 2?", ["<b>yes</b>", "no"])

    assert "<b>" not in prediction._repr_html_()
    assert "<b>" not in prediction.choose("<b>yes</b>").compare("<b>no</b>")._repr_html_()
    assert "1 &lt; 2" in prediction._repr_html_()


def test_a_click_is_a_choice(kernel: None) -> None:
    prediction = predict(QUESTION, ANSWERS)
    _, buttons, status = parts(prediction)

    assert buttons.value is None
    buttons.value = "it is refused"

    assert prediction.chosen == "it is refused"
    assert "Noted: it is refused" in status.value


def test_a_choice_moves_the_buttons(kernel: None) -> None:
    prediction = predict(QUESTION, ANSWERS)
    _, buttons, _ = parts(prediction)

    prediction.choose("it waits")

    assert buttons.value == "it waits"


def test_shown_twice_is_one_widget(kernel: None) -> None:
    prediction = predict(QUESTION, ANSWERS)

    assert (
        prediction._repr_mimebundle_()[WIDGET_VIEW] == (prediction._repr_mimebundle_()[WIDGET_VIEW])
    )


def test_rerun_starts_afresh_and_leaks_nothing(kernel: None) -> None:
    parts(predict(QUESTION, ANSWERS).choose("it waits"))
    before = living()

    for _ in range(3):
        again = predict(QUESTION, ANSWERS)
        parts(again)

    assert again.chosen is None
    assert living() == before


def test_steps_have_the_states_that_changed() -> None:
    assert repr(step_through(SETTING_UP)) == (
        "1. listener: listen(1)   [listener LISTEN]\n"
        "2. client 1: connect(the listener's address)"
        "   [client 1 ESTABLISHED, connection 1 ESTABLISHED]\n"
        "3. client 1: close()   [client 1 FIN_WAIT_2, connection 1 CLOSE_WAIT]"
    )


def test_walks_through_a_real_recording(family: Family) -> None:
    with (
        record(states=True) as recording,
        socket.create_server((family.host, 0), family=family.family) as listener,
        socket.socket(family.family) as client,
    ):
        client.connect(listener.getsockname())
        listener.accept()[0].close()

    stepper = step_through(recording)

    assert stepper.roles == ("listener", "client 1", "connection 1")
    assert "[client 1 ESTABLISHED, connection 1 ESTABLISHED]" in repr(stepper)
    assert len(repr(stepper).splitlines()) == len(recording)


def test_steps_of_threads_go_thread_by_thread() -> None:
    one = Call(1, "listener", "accept", thread="server")
    other = Call(2, "client 1", "close")

    assert repr(step_through([one, other])) == repr(step_through([other, one]))
    assert repr(step_through([one, other])) == (
        "notebook:\n  1. client 1: close()\nserver:\n  1. listener: accept()"
    )
    assert step_through([one, other])._repr_html_().startswith("<pre>")


def test_says_so_when_nothing_was_recorded(kernel: None) -> None:
    stepper = step_through([])

    assert repr(stepper) == "no call was recorded"
    assert WIDGET_VIEW not in stepper._repr_mimebundle_()


def test_table_has_a_column_for_each_socket() -> None:
    html = step_through(SETTING_UP)._repr_html_()

    for heading in ("step", "call", "listener", "client 1", "connection 1"):
        assert f">{heading}</th>" in html
    assert html.count("<tr") == 1 + len(SETTING_UP)


def test_buttons_and_slider_walk_through_the_calls(kernel: None) -> None:
    stepper = step_through(SETTING_UP)
    row, view = parts(stepper)
    earlier, later, slider = row.children

    assert (slider.min, slider.max, slider.value) == (1, 3, 1)
    assert earlier.disabled
    later.click()
    assert (stepper.step, slider.value) == (2, 2)
    assert "step 2 of 3: client 1: connect" in view.value
    later.click()
    assert later.disabled
    assert view.value.count('aria-current="step"') == 1
    slider.value = 1
    assert earlier.disabled
    assert not later.disabled


def test_a_long_recording_shows_nearby_calls(kernel: None) -> None:
    stepper = step_through([Call(n + 1, "client 1", "send", str(n)) for n in range(40)])
    row, view = parts(stepper)

    row.children[2].value = 40
    assert "send(39)" in view.value
    assert "send(30)<" not in view.value
    row.children[2].value = 1
    assert "send(8)<" in view.value
    assert "send(9)<" not in view.value


def test_stepping_again_leaks_nothing(kernel: None) -> None:
    parts(step_through(SETTING_UP))
    before = living()

    for _ in range(3):
        parts(step_through(SETTING_UP))

    assert living() == before
