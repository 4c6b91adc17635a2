"""The house has floors, and imports only go down.

Every import in `sockets_lab` is read from its source, those inside functions included, and held to
the tables below. A new room is added here in the commit that builds it.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sockets_lab

PACKAGE = Path(sockets_lab.__file__).parent

FLOORS = (
    ("addresses", "capabilities", "course", "course_files", "framing", "interrupts", "roles"),
    (
        "background",
        "child",
        "happy_eyeballs",
        "kernel",
        "listeners",
        "peers",
        "tls",
    ),
    ("load", "measurement", "netns", "recording", "servers"),
    ("bench", "capture", "figures", "widgets"),
    ("exercises",),
    ("workspace",),
    ("cli",),
)

# A room may lean on a neighbour of its own floor only if it stands here, with the reason.
SIDEWAYS = {
    (
        "capabilities",
        "addresses",
    ): "whether IPv6 works is found out by binding, which addresses does",
    ("roles", "addresses"): "a role is told from a socket's endpoints",
}

# Who may import what from outside the standard library.
OUTSIDE = {
    "bench": {"uvloop"},
    "cli": {"rich", "typer"},
    "figures": {"PIL", "matplotlib", "numpy"},
    "child": {"cloudpickle"},
    "netns": {"pyroute2"},
    "kernel": {"psutil"},
    "load": {"hdrh", "psutil"},
    "servers": {"trio"},
    "tls": {"cryptography", "trustme"},
    "capture": {"scapy"},
    "widgets": {"ipywidgets"},
    "workspace": {"nbclient", "nbformat"},
}

HEAVY = ("cryptography", "ipywidgets", "matplotlib", "scapy")


def floor_of(room: str) -> int:
    for floor, rooms in enumerate(FLOORS):
        if room in rooms:
            return floor
    raise LookupError(f"room {room!r} stands on no floor; add it to FLOORS in {__file__}")


def imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) for every import, wherever it stands in the source."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                parents = package.split(".")
                base = ".".join(parents[: len(parents) - level + 1]) if level else ""
                origin = ".".join(part for part in (base, module) if part)
                yield from ((node.lineno, f"{origin}.{alias.name}") for alias in names)
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if "import_module" in ast.dump(
                node.func
            ):
                yield node.lineno, name


def room_of(name: str) -> str | None:
    """Tell the room behind a dotted name; None for the package's own front door."""
    _, _, rest = name.partition(".")
    first = rest.partition(".")[0]
    if not first or first.startswith("__"):
        return None
    return sockets_lab._HOME.get(first, first)


def faults(room: str, source: str, package: str = "sockets_lab") -> list[str]:
    """List the imports of a room's source that go up, sideways or out without leave."""
    found = []
    for line, name in imported(source, package):
        top = name.partition(".")[0]
        if top == "sockets_lab":
            fault = inside_fault(room, room_of(name))
        elif top in sys.stdlib_module_names or top in OUTSIDE.get(room, ()):
            fault = None
        else:
            fault = f"has no leave to import {top}"
        if fault:
            found.append(f"{room}, line {line}: {fault}")
    return found


def inside_fault(room: str, other: str | None) -> str | None:
    if other is None or other == room or (room, other) in SIDEWAYS:
        return None
    if floor_of(other) < floor_of(room):
        return None
    return f"imports {other}, which is not below it"


def sources() -> dict[Path, str]:
    """Every module of the package but its front door, which only looks names up when asked."""
    return {
        path: path.read_text(encoding="utf-8")
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "__init__.py" and "_course" not in path.parts
    }


def home_of(path: Path) -> tuple[str, str]:
    """Tell (room, package of the module) of a file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return parts[1], ".".join(parts[:-1])


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_go_down(path):
    room, package = home_of(path)
    assert faults(room, path.read_text(encoding="utf-8"), package) == []


def test_every_room_stands_on_a_floor():
    rooms = {home_of(path)[0] for path in sources()}
    assert rooms <= {room for floor in FLOORS for room in floor}


@pytest.mark.parametrize(
    "source",
    [
        "import sockets_lab.recording",
        "from sockets_lab.recording import record",
        "from sockets_lab import recording",
        "from sockets_lab import record",
        "def later():\n    from sockets_lab.recording import record",
        "from .recording import record",
        "from . import recording",
        "from importlib import import_module\nimport_module('sockets_lab.recording')",
        "from sockets_lab.background import run",
        "import matplotlib.pyplot",
        "def later():\n    import scapy.all",
    ],
)
def test_an_import_that_goes_up_sideways_or_out_is_caught(source):
    assert len(faults("listeners", source)) == 1


def test_a_relative_import_inside_a_folder_is_told_from_one_that_leaves_it():
    assert faults("kernel", "from .linux import read", "sockets_lab.kernel") == []
    assert faults("kernel", "from ..recording import record", "sockets_lab.kernel") != []


def test_an_import_that_goes_down_passes():
    assert faults("recording", "from sockets_lab.roles import Roles\nimport socket") == []


def test_an_unknown_room_is_named():
    with pytest.raises(LookupError, match="'attic'"):
        faults("listeners", "from sockets_lab.attic import trunk")


def test_importing_the_package_imports_nothing_heavy_and_no_room():
    code = "import sockets_lab, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "sockets_lab" in loaded
    assert [name for name in loaded if name.partition(".")[0] in HEAVY] == []
    assert [name for name in loaded if name.startswith("sockets_lab.")] == []
