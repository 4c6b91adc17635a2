"""Make the learner's copy of the notebooks, and update it without losing their work.

A copy keeps, in one small file (its manifest), a digest of each chapter's sources as they were
shipped. So an update compares three versions: the chapter as shipped then, as it is now in the
copy, and as shipped today. Only sources count: running a chapter changes its outputs only.

    in the copy                  what an update does
    missing, also if deleted     add the chapter
    as shipped then              replace it by today's
    changed, no newer version    leave it
    changed, newer version       leave it, and put today's beside it once, as NAME.new.ipynb: the
                                 learner chooses, by renaming or deleting
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from sockets_lab.course_files import find_course_files

__all__ = ["MANIFEST", "Copy", "Update", "bring_up_to_date", "chapters_of", "sources_digest"]

MANIFEST: Final = ".sockets-lab.json"
BESIDE: Final = ".new.ipynb"

WORDS: Final = {
    "new": "new",
    "restored": "added again: you had deleted it",
    "current": "up to date",
    "renewed": "updated: you had not changed it (the outputs of your runs are gone)",
    "kept": "changed by you: kept as it is",
    "newer": "changed by you: kept as it is",
    "unreadable": "cannot be read as a notebook: kept as it is",
}
WORDS_BESIDE: Final = {
    "put": "the new version is beside it, in {}",
    "there": "the new version is still beside it, in {}",
    "declined": "you deleted the new version beside it",
    "in the way": "rename or delete {} to get the new version",
}


class Update(NamedTuple):
    """The update of one chapter: a key of WORDS, and one of WORDS_BESIDE or none."""

    chapter: str
    did: str
    beside: str = ""

    @property
    def words(self) -> str:
        """Return it in words for the learner."""
        if not self.beside:
            return WORDS[self.did]
        return f"{WORDS[self.did]}; {WORDS_BESIDE[self.beside].format(_beside(self.chapter))}"


class Copy(NamedTuple):
    """A learner's copy: its folder, what the update did with each chapter, and a warning if any."""

    folder: Path
    updates: tuple[Update, ...]
    warning: str = ""


class Shipped(NamedTuple):
    """The versions of a chapter that a copy keeps: digests of the sources as shipped.

    `accepted` is the version that the chapter in the copy is based on, `offered` the version that
    was last put beside it.
    """

    accepted: str = ""
    offered: str = ""


def bring_up_to_date(folder: Path, version: str) -> Copy:
    """Make a copy of the course in `folder`, or update the copy there.

    Raises ValueError when the folder is the course's own, OSError (EACCES, ENOTDIR, EROFS, ENOSPC)
    when it cannot be written; each file is written whole or not at all.
    """
    _refuse_the_original(folder)
    folder.mkdir(parents=True, exist_ok=True)
    manifest, warning = _read_manifest(folder)
    updates = []
    for original in chapters_of(find_course_files().notebooks):
        shipped = manifest.get(original.name, Shipped())
        update, manifest[original.name] = _bring(original, folder, shipped)
        updates.append(update)
    _write_manifest(folder, version, manifest)
    return Copy(folder, tuple(updates), warning)


def chapters_of(folder: Path) -> tuple[Path, ...]:
    """List the notebooks of a folder in order, without new versions put beside a chapter."""
    found = sorted(folder.glob("*.ipynb"))
    return tuple(path for path in found if not path.name.endswith(BESIDE))


def sources_digest(notebook: bytes) -> str:
    """Return a digest of the sources of a notebook's cells, without its outputs.

    Raises ValueError when the bytes are not a notebook.
    """
    try:
        cells = [(cell["cell_type"], _text(cell["source"])) for cell in _cells(notebook)]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"not a notebook: {error}") from error
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _cells(notebook: bytes) -> Iterator[dict[str, object]]:
    yield from json.loads(notebook)["cells"]


def _text(source: object) -> str:
    """Return a cell's source as one string; nbformat 4 also allows a list of lines."""
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
            f"{str(folder)!r} is the course's own folder; choose another one, "
            "for example: sockets-lab open my-course"
        )


# One chapter


def _bring(original: Path, folder: Path, shipped: Shipped) -> tuple[Update, Shipped]:
    """Update one chapter; return what was done, and what to keep."""
    name, today = original.name, original.read_bytes()
    newest = sources_digest(today)
    did = _decide(_digest_of(folder / name), newest, shipped)
    if did in ("new", "restored", "renewed"):
        _write(folder / name, today)
    if did in ("newer", "unreadable"):
        beside = _put_beside(folder / _beside(name), today, newest, shipped)
        offered = shipped.offered if beside == "in the way" else newest
        return Update(name, did, beside), shipped._replace(offered=offered)
    return Update(name, did), shipped if did == "kept" else Shipped(newest)


def _decide(here: str, newest: str, shipped: Shipped) -> str:
    """Return what to do with a chapter, from its digests: in the copy, today's, and as shipped."""
    if here == newest:
        return "current"
    if here == NOTHING:
        return "restored" if shipped.accepted else "new"
    if here == UNREADABLE:
        return "unreadable"
    if here == shipped.accepted:
        return "renewed"
    return "kept" if newest == shipped.accepted else "newer"


def _put_beside(path: Path, today: bytes, newest: str, shipped: Shipped) -> str:
    """Put today's chapter beside the learner's, once, and never over a file that they changed."""
    there = _digest_of(path)
    if there == newest:
        return "there"
    if there == NOTHING and shipped.offered == newest:
        return "declined"
    if there not in (NOTHING, shipped.offered):
        return "in the way"
    _write(path, today)
    return "put"


NOTHING: Final = "missing"
UNREADABLE: Final = "unreadable"


def _digest_of(path: Path) -> str:
    try:
        return sources_digest(path.read_bytes())
    except FileNotFoundError:
        return NOTHING
    except (ValueError, OSError):  # a merge conflict, half a file, a folder, no permission
        return UNREADABLE


def _beside(name: str) -> str:
    return name.removesuffix(".ipynb") + BESIDE


# What the copy keeps


def _read_manifest(folder: Path) -> tuple[dict[str, Shipped], str]:
    """Read what was shipped; without it, return a warning: every difference counts as a change."""
    try:
        chapters = json.loads((folder / MANIFEST).read_bytes())["chapters"]
        return {
            name: Shipped(str(entry["accepted"]), str(entry["offered"]))
            for name, entry in chapters.items()
        }, ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return {}, (
            f"{str(folder / MANIFEST)!r} cannot be read ({type(error).__name__}): every chapter "
            "that differs from the new version counts as changed by you"
        )


def _write_manifest(folder: Path, version: str, manifest: dict[str, Shipped]) -> None:
    chapters = {name: shipped._asdict() for name, shipped in sorted(manifest.items())}
    text = json.dumps({"version": version, "chapters": chapters}, indent=1) + "\n"
    if _read(folder / MANIFEST) != text.encode():
        _write(folder / MANIFEST, text.encode())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: under a temporary name first, then rename it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
