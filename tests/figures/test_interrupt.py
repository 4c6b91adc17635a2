"""An interrupted drawing has a short traceback, so that the prompt comes back soon."""

import traceback

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sockets_lab import figures


def interrupt(*arguments: object, **options: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("where", "method"),
    [
        pytest.param(Figure, "add_axes", id="while composing"),
        pytest.param(FigureCanvasAgg, "draw", id="while painting"),
    ],
)
def test_interrupt_hides_frames_of_matplotlib(monkeypatch, where, method):
    monkeypatch.setattr(where, method, interrupt)
    before = dict(matplotlib.rcParams)
    with pytest.raises(KeyboardInterrupt, match="while drawing") as caught:
        figures.lab_map().png()
    shown = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(caught.tb)]
    assert not any("matplotlib" in file for file in shown)
    assert caught.value.__suppress_context__
    assert dict(matplotlib.rcParams) == before
