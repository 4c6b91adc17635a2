"""Lay out what the commands print: records in, what rich can print out.

Words carry every meaning and colours only repeat it, so that nothing is lost without colours, on a
narrow terminal, or in a file.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sockets_lab.capabilities import Capability, Machine

if TYPE_CHECKING:  # `doctor` does not need nbclient
    from sockets_lab.workspace import Checked, Exercise

__all__ = ["capabilities_page", "machine_page", "notebook_page", "show", "summary"]

GOOD, BAD, QUIET = "green", "red", "dim"


def show(*pages: RenderableType) -> None:
    """Print pages to standard output, a blank line between them."""
    console = Console(highlight=False)
    for number, page in enumerate(pages):
        if number:
            console.print()
        console.print(page)


def machine_page(machine: Machine) -> RenderableType:
    """Return the facts of a machine as a small table."""
    rows = {
        "system": machine.system,
        "Python": machine.python,
        "TLS": f"up to {machine.tls_highest} ({machine.tls_library})",
        "descriptors": _descriptors(machine),
        "longest backlog": _known(machine.somaxconn, "connections (somaxconn)"),
    }
    table = _table("This machine")
    for name, fact in rows.items():
        table.add_row(Text(name), Text(fact))
    return table


def _descriptors(machine: Machine) -> str:
    now = _known(machine.descriptors, "a process")
    if machine.descriptors == machine.descriptors_at_most:
        return now
    return f"{now}; can be raised to {_known(machine.descriptors_at_most, 'at most')}"


def _known(number: int | None, unit: str) -> str:
    return f"{number:,} {unit}" if number is not None else "no limit known"


def capabilities_page(capabilities: Sequence[Capability]) -> RenderableType:
    """Return a table of what works here, why the rest does not, and how to get it."""
    table = _table(f"What it can do: {sum(one.has for one in capabilities)} of {len(capabilities)}")
    for one in capabilities:
        verdict = Text("yes", GOOD) if one.has else Text("no", BAD)
        table.add_row(verdict, Text(one.name), Group(*_capability_lines(one)))
    return table


def _capability_lines(one: Capability) -> Iterator[Text]:
    yield Text(one.shows)
    if one.lacking:
        yield Text.assemble(("why not: ", QUIET), one.lacking)
    if one.remedy:
        yield Text.assemble(("to get it: ", QUIET), one.remedy)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)


def notebook_page(checked: "Checked") -> RenderableType:
    """Return the result of one notebook: its cells, then its exercises."""
    return Group(
        _headline(checked),
        *(Padding(line, (0, 0, 0, 2), expand=False) for line in _details(checked)),
    )


def _headline(checked: "Checked") -> Text:
    if checked.runs:
        verdict = (f"runs: {checked.cells} cells in {checked.seconds:.0f} s", GOOD)
    elif checked.stopped:
        verdict = ("stopped before its end", BAD)
    else:
        verdict = (f"{len(checked.faults)} of {checked.cells} cells fail", BAD)
    return Text.assemble((checked.file, "bold"), ": ", verdict)


def _details(checked: "Checked") -> Iterator[Text]:
    if checked.stopped:
        yield Text(checked.stopped)
    for fault in checked.faults:
        yield Text.assemble(f"cell {fault.cell}, ", (fault.line, "bold"), f": {fault.error}")
    for exercise in checked.exercises:
        yield Text.assemble(f"exercise {exercise.title}: ", _progress(exercise))
        if exercise.missing:
            yield Text(f"  next: {exercise.missing}; hint: {exercise.hint}")


def _progress(exercise: "Exercise") -> tuple[str, str]:
    if not exercise.started:
        return exercise.note or "not started yet", QUIET
    words = f"{exercise.shown} of {exercise.tried} behaviours ok"
    return (f"{words}, complete", GOOD) if exercise.complete else (words, BAD)


def summary(results: "Sequence[Checked]") -> RenderableType:
    """Return one line about all notebooks."""
    exercises = [exercise for checked in results for exercise in checked.exercises]
    return Text(
        f"{_count(one.runs for one in results)} of {len(results)} notebooks run; "
        f"{_count(one.complete for one in exercises)} of {len(exercises)} exercises are complete, "
        f"{_count(not one.started for one in exercises)} not started"
    )


def _count(truths: Iterable[bool]) -> int:
    return sum(truths)
