"""Find the course's files: its notebooks, and the data recorded for it.

An installed package contains them; in a checkout they are beside the package. Recorded data that
replaces what a machine cannot do is never shown without a note: when it was recorded, and on which
system.
"""

import errno
import platform
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "CourseFiles",
    "Provenance",
    "find_course_files",
    "made_here",
    "recorded",
    "say_recorded",
]

PACKAGE = Path(__file__).resolve().parent
ROOTS = (PACKAGE / "_course", PACKAGE.parent)  # in an installed package; in a checkout


class CourseFiles(NamedTuple):
    """The folders of a course."""

    notebooks: Path
    data: Path


def find_course_files() -> CourseFiles:
    """Return the folders of the notebooks, as they were shipped, and of the recorded data.

    Raises FileNotFoundError if this installation has none.
    """
    for root in ROOTS:
        files = CourseFiles(root / "notebooks", root / "data")
        if files.notebooks.is_dir():
            return files
    raise FileNotFoundError(
        errno.ENOENT,
        "this installation of sockets-lab has no notebooks: install it again",
        str(ROOTS[0]),
    )


def recorded(name: str) -> Path:
    """Return the path of a file of recorded data, such as "recorded/order.json".

    Raises FileNotFoundError, which suggests similar names, if there is no such recording.
    """
    data = find_course_files().data
    if (data / name).is_file():
        return data / name
    names = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.*"))
    near = get_close_matches(name, names) or names
    raise FileNotFoundError(
        errno.ENOENT, f"no such recording; there is {', '.join(near) or 'none'}", name
    )


class Provenance(NamedTuple):
    """When something was recorded, as "2026-11-23", and on which system, as "Linux 6.18.44"."""

    on: str
    system: str


def made_here() -> Provenance:
    """Return the provenance of a recording made now on this machine."""
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return Provenance(date.today().isoformat(), system)


def say_recorded(made: Provenance, lacking: Iterable[str]) -> None:
    """Print that recorded data is shown instead, and why: what this machine lacks."""
    print(f"recorded {made.on} on {made.system}, not measured here:")
    print(f"  {'; '.join(dict.fromkeys(lacking))}")
