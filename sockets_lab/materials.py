"""Where the course's own files stand: its notebooks, and the data recorded for it.

An installed package carries them inside itself; in a checkout they stand beside the package.
"""

import errno
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

__all__ = ["CourseFiles", "course_files", "recorded"]

PACKAGE = Path(__file__).resolve().parent
PLACES = (PACKAGE / "_course", PACKAGE.parent)  # of an installed package; of a checkout


class CourseFiles(NamedTuple):
    """The folders that a course is made of."""

    notebooks: Path
    data: Path


def course_files() -> CourseFiles:
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
    data = course_files().data
    if (data / name).is_file():
        return data / name
    names = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.*"))
    near = get_close_matches(name, names) or names
    raise FileNotFoundError(
        errno.ENOENT, f"no such recording; there is {', '.join(near) or 'none at all'}", name
    )
