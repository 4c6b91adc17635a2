"""A pytest plugin that says which tests stay together where several processes share them.

`make test` starts more processes than there are processors, because most tests wait more than they
compute. A group of tests goes to one of them: a file's tests, because what its fixtures share is
made once, unless a rule below splits the file where nothing is shared.
"""

import os
import re
from pathlib import Path
from typing import Any

import psutil
import pytest
from xdist.scheduler import LoadScopeScheduling

__all__ = ["expected_s", "group", "longest_first", "workers"]

WORKERS_PER_CORE = 2
MOST_WORKERS = 8
WORKER_BYTES = 800_000_000  # a process with a kernel, and the servers of a lesson

_WALKS = ("test_twice", "test_interrupt", "test_leftovers")
_CHAPTER = re.compile(r"\b\d\d_[a-z][a-z0-9_]+")
_EXERCISE = re.compile(r"\[([a-z_]+)-")

# Seconds of the longest groups, so that they begin first; measured on two processors.
_SECONDS = {
    "tests/browser/test_lab.py": 170,
    "tests/servers/test_servers.py": 130,
    # Stopping a run looks through all that the process holds, which grows with each test.
    "tests/background/test_interrupts.py": 110,
    "answers serve_chat": 90,
    "answers serve_files": 60,
    "answers serve_tls": 60,
    "answers serve_echo": 60,
    "answers serve_pooled": 50,
    "answers": 25,
    "walk 12": 100,
    "walk 07": 80,
    "walk 08": 50,
    "walk": 30,
    "without 12": 50,
    "without 07": 40,
    "without": 25,
    "tests/netns/test_network.py": 30,
    "tests/figures/test_legible.py": 30,
    "tests/kernel/test_look.py": 20,
    "tests/cli/": 20,
    "tests/bench/": 20,
    "tests/workspace/test_checking.py": 20,
    "tests/servers/test_tls.py": 20,
    "tests/notebooks/test_walks_bite.py": 30,
    "tests/notebooks/": 15,
    "notebooks/": 15,
    "tests/background/": 15,
    "tests/peers/": 15,
    "tests/": 5,
}


class Together(LoadScopeScheduling):
    """xdist's scheduler of whole groups, which begins with the groups that take longest."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue = type(self.workqueue)(
            (name, self.workqueue[name]) for name in longest_first(self.workqueue)
        )
        super()._assign_work_unit(node)


def group(nodeid: str) -> str:
    """Name the tests that the same process must run.

    A chapter's cells stay together, in their order; so do the tests that share a walk through it.
    """
    file, _, name = nodeid.partition("::")
    stem, chapter = Path(file).stem, _CHAPTER.search(name)
    if stem in _WALKS and chapter:
        return f"walk {chapter.group()}"
    if stem == "test_without" and chapter:
        return f"without {chapter.group()}"
    if stem == "test_answers" and (exercise := _EXERCISE.search(name)):
        return f"answers {exercise[1]}"
    return file


def longest_first(names: Any) -> list[str]:
    """Sort groups by how long they take, as far as is known."""
    return sorted(names, key=expected_s, reverse=True)


def expected_s(name: str) -> int:
    """Return how many seconds a group takes, as far as is known."""
    known = [begin for begin in _SECONDS if name.startswith(begin)]
    return _SECONDS[max(known, key=len)] if known else 0


def workers() -> int:
    """Return how many processes share the tests, within this machine's processors and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    fitting = psutil.virtual_memory().available // WORKER_BYTES
    return max(1, min(WORKERS_PER_CORE * (cores or 1), fitting, MOST_WORKERS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return workers()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)
