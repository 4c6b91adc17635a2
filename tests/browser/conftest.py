"""A browser, its engine and a server are kept between these tests, and ended after them."""

import pytest


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """Let be what these tests hold."""
