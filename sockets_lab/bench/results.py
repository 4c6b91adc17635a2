"""What a bench measured: tables of values by entrant, and the machine that they hold for."""

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

from sockets_lab import course_files

__all__ = ["Bench", "Spread", "Table", "load", "recorded", "recorded_outcomes", "save"]


class Spread(NamedTuple):
    """The median of some values, and their lower and upper quartile."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


class Table(NamedTuple):
    """What was measured of each entrant: `values[name]` holds one number for each round.

    unit: what a value is, such as "CPU µs a message"
    base: the entrant that the others are compared with, if it took part
    """

    name: str
    title: str
    unit: str
    base: str
    values: Mapping[str, list[float]]

    @property
    def rounds(self) -> int:
        """How often each was measured."""
        return min(map(len, self.values.values()), default=0)

    def spread(self, name: str) -> Spread:
        """The values of an entrant; KeyError if it did not take part."""
        return _spread(self.values[name])

    def ratio(self, name: str, to: str) -> Spread:
        """How many times the value of `to`, taken within each round; KeyError as `spread`."""
        pairs = zip(self.values[name], self.values[to], strict=True)
        return _spread([one / other for one, other in pairs])


class Bench(NamedTuple):
    """All tables of one run.

    made_on: the day, as "2026-11-25"
    machine: facts in words: system, Python, processor, cores, versions of the peers
    missing: entrants that could not take part, with what they lack
    """

    made_on: str
    machine: Mapping[str, str]
    missing: Mapping[str, str]
    tables: tuple[Table, ...]

    def __str__(self) -> str:
        facts = ", ".join(self.machine[name] for name in ("system", "processor", "Python"))
        return f"measured {self.made_on} on {facts}, {self.machine['cores']} cores"

    def table(self, name: str) -> Table:
        """A table by its name; LookupError if it was not measured."""
        for one in self.tables:
            if one.name == name:
                return one
        raise LookupError(f"no table {name!r}: there is {', '.join(t.name for t in self.tables)}")


def save(bench: Bench, path: Path) -> None:
    """Write it as JSON, every value of it."""
    told = {
        "made_on": bench.made_on,
        "machine": dict(bench.machine),
        "missing": dict(bench.missing),
        "tables": [{**one._asdict(), "values": _rounded(one.values)} for one in bench.tables],
    }
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Bench:
    """Read what `save` wrote; ValueError if the file holds something else."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        tables = tuple(Table(**one) for one in told["tables"])
        return Bench(told["made_on"], told["machine"], told["missing"], tables)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path.name!r} holds no bench: {error!r}") from error


def recorded() -> Bench:
    """The course's own run, from its data; it holds for the machine that it names."""
    return load(course_files.recorded("bench/bench.json"))


def recorded_outcomes() -> dict[tuple[str, str], str]:
    """What each peer saw of each model, by (model, peer), in the course's own run."""
    told = json.loads(course_files.recorded("bench/outcomes.json").read_text(encoding="utf-8"))
    return {
        (model, peer): seen for model, by_peer in told.items() for peer, seen in by_peer.items()
    }


def _rounded(values: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """Four digits are more than can be measured."""
    return {name: [float(f"{one:.4g}") for one in many] for name, many in values.items()}


def _spread(values: list[float]) -> Spread:
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*quantiles(values, n=4, method="inclusive"))
