"""The ways of framing, one a test."""

import pytest

from tests.framing.framings import FRAMINGS, Framing


@pytest.fixture(params=FRAMINGS.values(), ids=FRAMINGS)
def way(request: pytest.FixtureRequest) -> Framing:
    return request.param
