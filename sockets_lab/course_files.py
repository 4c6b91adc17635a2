"""Where the course's own files stand: its notebooks, and the data recorded for it.

An installed package carries them inside itself; in a checkout they stand beside the package. Data
that stands in for what a machine cannot do is never shown in silence: it says when it was recorded
and on which system.
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
PLACES = (PACKAGE / "_course", PACKAGE.parent)  # of an installed package; of a checkout


class CourseFiles(NamedTuple):
    """The folders that a course is made of."""

    notebooks: Path
    data: Path


def find_course_files() -> CourseFiles:
    """Find the folders of the notebooks, as they were shipped, and of the recorded data.

    Raises FileNotFoundError when this installation has none.
    """
    for place in PLACES:
        files = CourseFiles(place / "notebooks", place / "data")
        if files.notebooks.is_dir():
            return files
    raise FileNotFoundError(
        errno.ENOENT,
        "this installation of sockets-lab holds no notebooks; install it again",
        str(PLACES[0]),
    )


def recorded(name: str) -> Path:
    """Find a file of recorded data, such as "syn_queue.json", wherever the notebook stands.

    Raises FileNotFoundError, naming what comes near, when there is no such recording.
    """
    data = find_course_files().data
    if (data / name).is_file():
        return data / name
    names = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.*"))
    near = get_close_matches(name, names) or names
    raise FileNotFoundError(
        errno.ENOENT, f"no such recording; there is {', '.join(near) or 'none at all'}", name
    )


class Provenance(NamedTuple):
    """When something was recorded, as "2026-11-23", and on which system, as "Linux 6.18.44"."""

    on: str
    system: str


def made_here() -> Provenance:
    """The provenance of what is recorded today on this machine."""
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return Provenance(date.today().isoformat(), system)


def say_recorded(made: Provenance, lacking: Iterable[str]) -> None:
    """Print that a recording stands in, and why: what this machine lacks, in words."""
    print(f"recorded {made.on} on {made.system}, not measured here:")
    print(f"  {'; '.join(dict.fromkeys(lacking))}")
