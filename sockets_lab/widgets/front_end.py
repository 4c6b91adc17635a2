"""Is there a kernel that can carry widgets, and how are they shown and taken away again."""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipywidgets import Widget

__all__ = ["WIDGET_VIEW", "close", "has_kernel", "view_of"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def has_kernel() -> bool:
    """Say whether this code runs in a Jupyter kernel, where a front end may show widgets."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def view_of(widget: "Widget") -> dict[str, Any]:
    """Return what a front end needs to show `widget`, without the widget's own random text."""
    return {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}


def close(widget: "Widget | None") -> None:
    """Take `widget`, what stands in it and their looks out of kernel and front end."""
    if widget is None:
        return
    for child in getattr(widget, "children", ()):
        close(child)
    for part in (getattr(widget, "layout", None), getattr(widget, "style", None), widget):
        if part is not None:
            part.close()
