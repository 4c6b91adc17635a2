"""A pytest plugin that says what stays together where several processes share the tests.

`make test` starts one process for each processor, with pytest-xdist. A chapter goes to one of
them: its cells in their order, and every walk through it. So does a file of tests, because what
its fixtures share is made once.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_CHAPTER = re.compile(r"\b\d\d_[a-z][a-z0-9_]+")


class Together(LoadScopeScheduling):
    """xdist's scheduler of whole groups, where a chapter is one group, and a file another."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """Name what must be run by the same process: the chapter in a test's name, or its file."""
    file, _, name = nodeid.partition("::")
    chapter = _CHAPTER.match(Path(file).stem) or _CHAPTER.search(name)
    return chapter.group() if chapter else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)
