"""The learner's copy of the course: made, updated, checked, and opened in JupyterLab.

Each name is imported at its first use: opening a copy does not wait for nbclient and nbformat.
"""

from importlib import import_module
from typing import TYPE_CHECKING

# A new name goes into both lists; tests/test_floors.py compares them.
if TYPE_CHECKING:
    from sockets_lab.workspace.checking import Checked as Checked
    from sockets_lab.workspace.checking import Exercise as Exercise
    from sockets_lab.workspace.checking import Fault as Fault
    from sockets_lab.workspace.checking import check_notebook as check_notebook
    from sockets_lab.workspace.checking import notebooks_in as notebooks_in
    from sockets_lab.workspace.copies import Copy as Copy
    from sockets_lab.workspace.copies import Update as Update
    from sockets_lab.workspace.copies import bring_up_to_date as bring_up_to_date
    from sockets_lab.workspace.jupyterlab import run_lab as run_lab

_HOME = {
    "Checked": "checking",
    "Exercise": "checking",
    "Fault": "checking",
    "check_notebook": "checking",
    "notebooks_in": "checking",
    "Copy": "copies",
    "Update": "copies",
    "bring_up_to_date": "copies",
    "run_lab": "jupyterlab",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
