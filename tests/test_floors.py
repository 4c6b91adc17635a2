"""The rooms of `sockets_lab` are on floors, and imports only go down.

The table of rooms in CONTRIBUTING.md is the one list: floor, room and the packages from outside
the standard library that the room may import. Every import is read from the source, also those
inside functions, and compared with the table.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

import sockets_lab

PACKAGE = Path(sockets_lab.__file__).parent
# Packages that import a name at its first use.
LAZY = ("sockets_lab", "sockets_lab.exercises", "sockets_lab.workspace")


class Room(NamedTuple):
    """One row of the table in CONTRIBUTING.md."""

    floor: int
    packages: frozenset[str]


def read_rooms(page: str) -> dict[str, Room]:
    """Read the table of rooms from the text of CONTRIBUTING.md, by the room's name."""
    rows = re.findall(r"^\| (\d) \| `(\w+)` \|.*\|([^|\n]*)\|$", page, flags=re.MULTILINE)
    return {
        name: Room(int(floor), frozenset(re.findall(r"`(\w+)`", packages)))
        for floor, name, packages in rows
    }


ROOMS = read_rooms((PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8"))
OUTSIDE = {name: set(room.packages) for name, room in ROOMS.items()}

# A room may import a neighbour on its own floor only if the pair is listed here, with the reason.
SIDEWAYS = {
    ("capabilities", "addresses"): "IPv6 works where a socket binds to ::1, which addresses tries",
    ("roles", "addresses"): "a socket's endpoints determine its role",
}

HEAVY = ("cryptography", "ipywidgets", "matplotlib", "scapy")


def floor_of(room: str) -> int:
    if room not in ROOMS:
        raise LookupError(f"room {room!r} is on no floor; add it to the table in CONTRIBUTING.md")
    return ROOMS[room].floor


def imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import in the source, also inside functions."""
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
    """Return the room of a dotted name, or None for `sockets_lab/__init__.py`."""
    _, _, rest = name.partition(".")
    first = rest.partition(".")[0]
    if not first or first.startswith("__"):
        return None
    return sockets_lab._HOME.get(first, first)


def faults(room: str, source: str, package: str = "sockets_lab") -> list[str]:
    """List the imports of a room's source that go up, sideways or outside without permission."""
    found = []
    for line, name in imported(source, package):
        top = name.partition(".")[0]
        if top == "sockets_lab":
            fault = inside_fault(room, room_of(name)) or deep_fault(room, name)
        elif top in sys.stdlib_module_names or top in OUTSIDE.get(room, ()):
            fault = None
        else:
            fault = f"may not import {top}"
        if fault:
            found.append(f"{room}, line {line}: {fault}")
    return found


def inside_fault(room: str, other: str | None) -> str | None:
    if other is None or other == room or (room, other) in SIDEWAYS:
        return None
    if floor_of(other) < floor_of(room):
        return None
    return f"imports {other}, which is not below it"


def deep_fault(room: str, name: str) -> str | None:
    """Return what is wrong with an import from inside another room that its face also exports.

    What a face does not export may be imported from the module that defines it.
    """
    parts = name.split(".")
    if len(parts) < 4 or parts[1] == room:
        return None
    face, last = ".".join(parts[:2]), parts[-1]
    if last not in import_module(face).__all__:
        return None
    return f"imports {last} from inside {face}, which exports it"


def sources() -> dict[Path, str]:
    """Return the text of every module except `sockets_lab/__init__.py`, which is lazy."""
    return {
        path: path.read_text(encoding="utf-8")
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "__init__.py" and "_course" not in path.parts
    }


def home_of(path: Path) -> tuple[str, str]:
    """Return (room, package of the module) of a file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return parts[1], ".".join(parts[:-1])


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_go_down(path):
    room, package = home_of(path)
    assert faults(room, path.read_text(encoding="utf-8"), package) == []


def test_every_room_is_in_the_table():
    assert {home_of(path)[0] for path in sources()} <= ROOMS.keys()


def test_the_table_is_read():
    page = "| 0 | `roles` | names | |\n| 3 | `figures` | drawn | `PIL`, `numpy` for pixels |\n"
    assert read_rooms(page) == {
        "roles": Room(0, frozenset()),
        "figures": Room(3, frozenset({"PIL", "numpy"})),
    }
    assert read_rooms("| floor | room |\n|---|---|\n| style | `ruff` | |\n") == {}


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
def test_catches_imports_up_sideways_or_outside(source):
    assert len(faults("listeners", source)) == 1


def test_relative_imports_stay_inside_their_room():
    assert faults("kernel", "from .linux import read", "sockets_lab.kernel") == []
    assert faults("kernel", "from ..recording import record", "sockets_lab.kernel") != []


def test_imports_that_go_down_pass():
    assert faults("recording", "from sockets_lab.roles import Roles\nimport socket") == []


def test_catches_an_import_past_a_rooms_face():
    source = "from sockets_lab.kernel.records import {}"
    assert faults("recording", source.format("STATES")) == []
    assert len(faults("recording", source.format("SocketView"))) == 1
    assert faults("kernel", source.format("SocketView")) == []


def test_names_an_unknown_room():
    with pytest.raises(LookupError, match="'attic'"):
        faults("listeners", "from sockets_lab.attic import trunk")


def test_importing_the_package_imports_no_room():
    code = "import sockets_lab, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "sockets_lab" in loaded
    assert [name for name in loaded if name.partition(".")[0] in HEAVY] == []
    assert [name for name in loaded if name.startswith("sockets_lab.")] == []


def names_for_type_checkers(package):
    """Return {name: dotted module} of the imports that only type checkers see."""
    module = import_module(package)
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    blocks = [each for each in tree.body if isinstance(each, ast.If)]
    origins = [name for block in blocks for _, name in imported(ast.unparse(block), package)]
    return {name.rpartition(".")[2]: name.rpartition(".")[0] for name in origins}


@pytest.mark.parametrize("package", LAZY)
def test_a_lazy_package_lists_its_names_once(package):
    module = import_module(package)
    homes = {name: f"{package}.{home}" for name, home in module._HOME.items()}
    assert names_for_type_checkers(package) == homes
    assert sorted(module.__all__) == sorted(homes) == sorted(dir(module))


@pytest.mark.parametrize("package", LAZY)
def test_every_lazy_name_is_found(package):
    module = import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        module.nothing  # noqa: B018  # looked up for its error
