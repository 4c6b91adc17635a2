"""Stable names for threads: "notebook", a name given by the code, "thread 1"."""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Threads"]

# Names that Python chooses. Their numbers differ on every run, their order does not.
_BY_PYTHON = re.compile(r"(Thread-|Dummy-|ThreadPoolExecutor-|asyncio_)([0-9_]+)")


class Threads(Mapping[threading.Thread, str]):
    """The names of some threads.

    The main thread is "notebook"; a thread that was given a name keeps it, with a number if another
    has the same; the others are "thread 1", "thread 2" in the order in which they were created.
    """

    def __init__(self, threads: Iterable[threading.Thread]) -> None:
        self._names: dict[threading.Thread, str] = {}
        threads = tuple(dict.fromkeys(threads))
        numbered = sorted(filter(_creation_order, threads), key=_creation_order)
        for number, thread in enumerate(numbered, 1):
            self._names[thread] = f"thread {number}"
        for thread in threads:
            if thread not in self._names:
                self._names[thread] = self._free(_given_name(thread))

    def __getitem__(self, thread: threading.Thread) -> str:
        return self._names[thread]

    def __iter__(self) -> Iterator[threading.Thread]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _free(self, name: str) -> str:
        taken, number, free = set(self._names.values()), 1, name
        while free in taken:
            number += 1
            free = f"{name} {number}"
        return free


def _given_name(thread: threading.Thread) -> str:
    return "notebook" if thread is threading.main_thread() else thread.name


def _creation_order(thread: threading.Thread) -> tuple[str, list[int]] | tuple[()]:
    """Return ("Thread-", [7]) for a thread that Python named "Thread-7 (serve)"; () for others."""
    match = _BY_PYTHON.match(thread.name)
    return (match[1], [int(each) for each in match[2].split("_") if each]) if match else ()
