"""Counts in words, and counts of bytes in the unit in which people read them."""

from typing import NamedTuple

__all__ = ["ByteUnit", "many", "times", "unit_for"]


class ByteUnit(NamedTuple):
    """A unit of bytes by its name on an axis; the IEC's prefixes count in steps of 1,024."""

    name: str
    nbytes: int


_UNITS = (ByteUnit("GiB", 2**30), ByteUnit("MiB", 2**20), ByteUnit("KiB", 2**10))


def unit_for(most: int) -> ByteUnit:
    """Return the unit for an axis that reaches up to `most` bytes: at least two of it."""
    return next((unit for unit in _UNITS if most >= 2 * unit.nbytes), ByteUnit("bytes", 1))


def many(number: int, noun: str) -> str:
    """Return "1 byte", "1,024 bytes"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def times(number: int) -> str:
    """Return "once", "3 times"."""
    return "once" if number == 1 else f"{number:,} times"
