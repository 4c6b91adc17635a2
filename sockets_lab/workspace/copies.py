"""The learner's copy of the notebooks: made, and brought up to date without losing their work.

A copy remembers, in one small file, the sources of each chapter as they were shipped. So three
texts are compared: the chapter as it was shipped then, as it is now in the copy, and as it is
shipped today. Only sources count: running a chapter changes its outputs, and is no change of it.

    nothing there                   the chapter is put there, also when it had been deleted
    as shipped then                 it is replaced by today's
    changed, and nothing newer      it is left alone
    changed, and there is a newer   it is left alone, and today's is put beside it once, as
                                    NAME.new.ipynb: the learner chooses, by renaming or deleting
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from sockets_lab.course_files import find_course_files

__all__ = ["MEMORY", "Copy", "Update", "bring_up_to_date", "chapters_of", "sources_digest"]

MEMORY: Final = ".sockets-lab.json"
BESIDE: Final = ".new.ipynb"

WORDS: Final = {
    "new": "new",
    "brought back": "you had deleted it: here it is again",
    "current": "up to date",
    "renewed": "brought up to date; you had not changed it (outputs of your runs are gone)",
    "kept": "changed by you: left as it is",
    "newer": "changed by you: left as it is",
    "unreadable": "no longer a notebook that can be read: left as it is",
}
WORDS_BESIDE: Final = {
    "put": "today's is beside it, in {}",
    "there": "today's is still beside it, in {}",
    "declined": "you have removed today's from beside it",
    "in the way": "today's will be put beside it once {} is renamed or deleted",
}


class Update(NamedTuple):
    """What was done about one chapter: a key of WORDS, and one of WORDS_BESIDE or none."""

    chapter: str
    did: str
    beside: str = ""

    @property
    def words(self) -> str:
        """Say it to the learner."""
        if not self.beside:
            return WORDS[self.did]
        return f"{WORDS[self.did]}; {WORDS_BESIDE[self.beside].format(_beside(self.chapter))}"


class Copy(NamedTuple):
    """A learner's copy, what was done about it, and what is worth a warning."""

    folder: Path
    updates: tuple[Update, ...]
    warning: str = ""


class Shipped(NamedTuple):
    """What a copy remembers of a chapter: digests of the sources that its learner was given.

    `accepted` is what the chapter in the copy came from, `offered` what was last put beside it.
    """

    accepted: str = ""
    offered: str = ""


def bring_up_to_date(folder: Path, version: str) -> Copy:
    """Make a copy of the course in `folder`, or bring the copy there up to date.

    Raises ValueError when the folder is the course's own, OSError (EACCES, ENOTDIR, EROFS, ENOSPC)
    when it cannot be written; each file is written whole or not at all.
    """
    _refuse_the_original(folder)
    folder.mkdir(parents=True, exist_ok=True)
    memory, warning = _recall(folder)
    updates = []
    for original in chapters_of(find_course_files().notebooks):
        shipped = memory.get(original.name, Shipped())
        update, memory[original.name] = _bring(original, folder, shipped)
        updates.append(update)
    _remember(folder, version, memory)
    return Copy(folder, tuple(updates), warning)


def chapters_of(folder: Path) -> tuple[Path, ...]:
    """List the notebooks of a folder in order; newer ones put beside a chapter do not count."""
    found = sorted(folder.glob("*.ipynb"))
    return tuple(path for path in found if not path.name.endswith(BESIDE))


def sources_digest(notebook: bytes) -> str:
    """Digest the sources of a notebook's cells, whatever its outputs.

    Raises ValueError when the bytes are no notebook.
    """
    try:
        cells = [(cell["cell_type"], _text(cell["source"])) for cell in _cells(notebook)]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"not a notebook: {error}") from error
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _cells(notebook: bytes) -> Iterator[dict[str, object]]:
    yield from json.loads(notebook)["cells"]


def _text(source: object) -> str:
    """The format allows one string or a list of lines (nbformat 4)."""
    if isinstance(source, str):
        return source
    if isinstance(source, list):
        return "".join(source)
    raise TypeError(f"a cell's source is {source!r}")


def _refuse_the_original(folder: Path) -> None:
    there = folder.resolve()
    notebooks, data = (original.resolve() for original in find_course_files())
    if there == notebooks.parent or {notebooks, data} & {there, *there.parents}:
        raise ValueError(
            f"{str(folder)!r} is the course's own folder; give one of yours, "
            "for example: sockets-lab open my-course"
        )


# One chapter


def _bring(original: Path, folder: Path, shipped: Shipped) -> tuple[Update, Shipped]:
    """Bring one chapter up to date; return what was done, and what to remember."""
    name, today = original.name, original.read_bytes()
    newest = sources_digest(today)
    did = _decide(_digest_of(folder / name), newest, shipped)
    if did in ("new", "brought back", "renewed"):
        _write(folder / name, today)
    if did in ("newer", "unreadable"):
        beside = _put_beside(folder / _beside(name), today, newest, shipped)
        offered = shipped.offered if beside == "in the way" else newest
        return Update(name, did, beside), shipped._replace(offered=offered)
    return Update(name, did), shipped if did == "kept" else Shipped(newest)


def _decide(here: str, newest: str, shipped: Shipped) -> str:
    """Tell what to do about a chapter from its digests: in the copy, today's, and remembered."""
    if here == newest:
        return "current"
    if here == NOTHING:
        return "brought back" if shipped.accepted else "new"
    if here == UNREADABLE:
        return "unreadable"
    if here == shipped.accepted:
        return "renewed"
    return "kept" if newest == shipped.accepted else "newer"


def _put_beside(path: Path, today: bytes, newest: str, shipped: Shipped) -> str:
    """Put today's chapter beside the learner's, once, and never over what they changed."""
    there = _digest_of(path)
    if there == newest:
        return "there"
    if there == NOTHING and shipped.offered == newest:
        return "declined"
    if there not in (NOTHING, shipped.offered):
        return "in the way"
    _write(path, today)
    return "put"


NOTHING: Final = "nothing there"
UNREADABLE: Final = "no notebook"


def _digest_of(path: Path) -> str:
    try:
        return sources_digest(path.read_bytes())
    except FileNotFoundError:
        return NOTHING
    except (ValueError, OSError):  # a merge conflict, half a file, a folder, no permission
        return UNREADABLE


def _beside(name: str) -> str:
    return name.removesuffix(".ipynb") + BESIDE


# What the copy remembers


def _recall(folder: Path) -> tuple[dict[str, Shipped], str]:
    """Read what was shipped, and a warning if that cannot be read: every difference counts then."""
    try:
        chapters = json.loads((folder / MEMORY).read_bytes())["chapters"]
        return {
            name: Shipped(str(entry["accepted"]), str(entry["offered"]))
            for name, entry in chapters.items()
        }, ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return {}, (
            f"{str(folder / MEMORY)!r} cannot be read ({type(error).__name__}): every chapter that "
            "differs from today's is taken as changed by you"
        )


def _remember(folder: Path, version: str, memory: dict[str, Shipped]) -> None:
    chapters = {name: shipped._asdict() for name, shipped in sorted(memory.items())}
    text = json.dumps({"version": version, "chapters": chapters}, indent=1) + "\n"
    if _read(folder / MEMORY) != text.encode():
        _write(folder / MEMORY, text.encode())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then renamed into it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
