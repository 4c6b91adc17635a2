"""Machines' quirks, forced: a call of the library behaves as it does elsewhere, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["in_place_of"]


@contextmanager
def in_place_of(owner: Any, name: str, replacement: object) -> Iterator[None]:
    """Put something else in the place of a function that the learner's code calls."""
    own = vars(owner).get(name)
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)
