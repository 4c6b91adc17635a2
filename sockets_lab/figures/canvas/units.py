"""Counts and measured numbers as people read them, and bytes in a suitable unit."""

from typing import NamedTuple

__all__ = ["ByteUnit", "digits", "in_unit", "many", "times", "unit_for"]


class ByteUnit(NamedTuple):
    """A unit of bytes and its name; the IEC's prefixes count in steps of 1,024."""

    name: str
    nbytes: int


_FROM = {
    2**30: ByteUnit("GiB", 2**30),
    2**20: ByteUnit("MiB", 2**20),
    2**12: ByteUnit("KiB", 2**10),  # below 4 KiB, bytes are easier to read
    0: ByteUnit("bytes", 1),
}


def unit_for(most: float) -> ByteUnit:
    """Return the unit for an axis that ends at `most` bytes."""
    return next(unit for least, unit in _FROM.items() if most >= least)


def in_unit(nbytes: int) -> str:
    """Return a number of bytes in a suitable unit: "640 bytes", "3.71 MiB"."""
    unit = unit_for(nbytes)
    if unit.nbytes == 1:
        return many(nbytes, "byte")
    return f"{digits(nbytes / unit.nbytes)} {unit.name}"


def digits(number: float) -> str:
    """Return a number to three digits, but with every digit before the decimal point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def many(number: int, noun: str) -> str:
    """Return "1 byte", "1,024 bytes"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def times(number: int) -> str:
    """Return "once", "3 times"."""
    return "once" if number == 1 else f"{number:,} times"
