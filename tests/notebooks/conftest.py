"""Validation keeps kernels and their event loops between its tests."""

import pytest


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """Let be what these tests hold: what a notebook leaves is looked for inside its kernel."""
