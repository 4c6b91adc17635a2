"""A logarithmic axis with round numbers on it, however little of it is in use."""

from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

__all__ = ["log_axis"]

_DECADES = 100
"""From this ratio of its ends on, an axis needs no numbers but powers of ten."""


def log_axis(axes: Axes, which: Literal["x", "y"], low: float, high: float) -> tuple[float, float]:
    """Make an axis logarithmic from `low` to `high`, or wider around them if that is no decade.

    Returns the ends that it has got.
    """
    if high < 10 * low:
        spare = (10 * low / high) ** 0.5
        low, high = low / spare, high * spare
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    subs = (1.0,) if high > _DECADES * low else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(subs=subs, numticks=9))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())
    return low, high
