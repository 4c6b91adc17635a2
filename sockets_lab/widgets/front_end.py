"""Find out if a kernel can show widgets; show them and remove them."""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipywidgets import Widget

__all__ = ["WIDGET_VIEW", "close", "has_kernel", "view_of"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def has_kernel() -> bool:
    """Return True in a Jupyter kernel, where a front end may show widgets."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def view_of(widget: "Widget") -> dict[str, Any]:
    """Return what a front end needs to show `widget`, without the widget's own random text."""
    return {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}


def close(widget: "Widget | None") -> None:
    """Remove `widget`, its children and their styles from kernel and front end."""
    if widget is None:
        return
    for child in getattr(widget, "children", ()):
        close(child)
    for part in (getattr(widget, "layout", None), getattr(widget, "style", None), widget):
        if part is not None:
            part.close()
