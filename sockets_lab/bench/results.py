"""The results of a benchmark: tables of values by entrant, and a description of the machine."""

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
    """The values of each entrant: `values[name]` has one number for each round.

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
        """Return how often each was measured."""
        return min(map(len, self.values.values()), default=0)

    def spread(self, name: str) -> Spread:
        """Return median and quartiles of an entrant; KeyError if it did not take part."""
        return _spread(self.values[name])

    def ratio(self, name: str, to: str) -> Spread:
        """Return the ratio to the value of `to`, taken within each round; KeyError as `spread`."""
        pairs = zip(self.values[name], self.values[to], strict=True)
        return _spread([one / other for one, other in pairs])


class Bench(NamedTuple):
    """All tables of one benchmark run.

    made_on: the day, as "2026-11-25"
    machine: system, Python, processor, cores, versions of the peers
    missing: entrants that could not take part, with what this machine lacks for them
    """

    made_on: str
    machine: Mapping[str, str]
    missing: Mapping[str, str]
    tables: tuple[Table, ...]

    def __str__(self) -> str:
        facts = ", ".join(self.machine[name] for name in ("system", "processor", "Python"))
        return f"measured {self.made_on} on {facts}, {self.machine['cores']} cores"

    def table(self, name: str) -> Table:
        """Return a table by its name; LookupError if it was not measured."""
        for table in self.tables:
            if table.name == name:
                return table
        raise LookupError(f"no table {name!r}; choose one of: {', '.join(self._names())}")

    def _names(self) -> list[str]:
        return [table.name for table in self.tables]


def save(bench: Bench, path: Path) -> None:
    """Write a benchmark with all its values as JSON."""
    content = {
        "made_on": bench.made_on,
        "machine": dict(bench.machine),
        "missing": dict(bench.missing),
        "tables": [{**table._asdict(), "values": _rounded(table.values)} for table in bench.tables],
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Bench:
    """Read what `save` wrote; ValueError if the file contains something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        tables = tuple(Table(**table) for table in content["tables"])
        return Bench(content["made_on"], content["machine"], content["missing"], tables)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path.name!r} is not a saved benchmark: {error!r}") from error


def recorded() -> Bench:
    """Return the run recorded in the course's data; it holds for the machine that it describes."""
    return load(course_files.recorded("bench/bench.json"))


def recorded_outcomes() -> dict[tuple[str, str], str]:
    """Return what each peer observed of each model, by (model, peer), in the recorded run."""
    content = json.loads(course_files.recorded("bench/outcomes.json").read_text(encoding="utf-8"))
    return {
        (model, peer): outcome
        for model, by_peer in content.items()
        for peer, outcome in by_peer.items()
    }


def _rounded(values: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """Return the values with four digits, which is more than can be measured."""
    return {name: [float(f"{each:.4g}") for each in row] for name, row in values.items()}


def _spread(values: list[float]) -> Spread:
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*quantiles(values, n=4, method="inclusive"))
