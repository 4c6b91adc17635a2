"""What a learner clicks: predictions before a run, and stepping through a recording after it.

This is the only room that imports ipywidgets, and it does so when something is really shown in a
Jupyter kernel. In a plain script, under nbval and on a page that only shows saved outputs the same
objects are plain, deterministic text.
"""

from sockets_lab.widgets.prediction import Comparison, Prediction, predict
from sockets_lab.widgets.stepping import Stepper, step_through

__all__ = ["Comparison", "Prediction", "Stepper", "predict", "step_through"]
