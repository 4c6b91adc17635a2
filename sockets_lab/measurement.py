"""Run an experiment where the machine can, else show its recorded result with a note.

An experiment that needs a capability of the machine goes through `measured()`. With the capability
it runs. Without it, its result on a machine that has the capability is read from the course's data,
and a note says so. `SOCKETS_LAB_RECORD=1` (set by `make data`) writes those recordings again.
"""

import json
import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from sockets_lab.addresses import Endpoint
from sockets_lab.capabilities import capability
from sockets_lab.course_files import (
    Provenance,
    find_course_files,
    made_here,
    recorded,
    say_recorded,
)
from sockets_lab.kernel import History, Sample, Snapshot, SocketView

__all__ = ["measured"]

FOLDER = "recorded"


def measured(name: str, needs: str | tuple[str, ...], experiment: Callable[[], Any]) -> Any:
    """Run an experiment, or return its recorded result if this machine lacks what it needs.

    name: the recording's name in data/recorded/, without its suffix
    needs: the capability that the experiment needs, such as "namespaces", or several
    experiment: called without arguments; returns numbers, texts, lists of them, or a History

    Returns the experiment's result; in a recording, tuples become lists. Raises what the experiment
    raises, and FileNotFoundError if there is no recording of this name.
    """
    needed = [capability(each) for each in ((needs,) if isinstance(needs, str) else needs)]
    lacking = [each.lacking for each in needed if not each.has]
    if lacking:
        recording = json.loads(recorded(f"{FOLDER}/{name}.json").read_text(encoding="utf-8"))
        say_recorded(Provenance(recording["on"], recording["system"]), lacking)
        return _from_json(recording["value"])
    value = experiment()
    if os.environ.get("SOCKETS_LAB_RECORD"):
        _save(name, value)
    return value


def _save(name: str, value: object) -> None:
    recording = {**made_here()._asdict(), "value": _to_json(value)}
    path = find_course_files().data / FOLDER / f"{name}.json"
    path.write_text(json.dumps(recording, indent=1) + "\n", encoding="utf-8", newline="\n")


def _to_json(value: object) -> object:
    if isinstance(value, History):
        return {"history": [[round(each.at_s, 4), *each.snapshot] for each in _changes(value)]}
    return value


def _changes(history: History) -> list[Sample]:
    """Return the samples that show a change, and the last one: all that a picture needs."""
    samples = list(history)
    new = [now for before, now in pairwise(samples) if now.snapshot != before.snapshot]
    return list(dict.fromkeys([*samples[:1], *new, *samples[-1:]]))


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict) or "history" not in value:
        return value
    history = History()
    history.samples = [
        Sample(at_s, Snapshot([_view(fields) for fields in views]))
        for at_s, *views in value["history"]
    ]
    return history


def _view(fields: list[Any]) -> SocketView:
    view = SocketView(*fields)
    return view._replace(
        local=None if view.local is None else Endpoint(*view.local),
        peer=None if view.peer is None else Endpoint(*view.peer),
    )
