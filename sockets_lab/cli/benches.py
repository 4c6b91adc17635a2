"""What `sockets-lab bench` prints and saves."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table as Page
from rich.text import Text

from sockets_lab.bench import Bench, Table, save
from sockets_lab.bench.goals import measured_goals

__all__ = ["pages_of", "save_all"]


def pages_of(bench: Bench) -> Iterator[RenderableType]:
    """Yield the machine, each table, and the course's goals, for rich to print."""
    yield _machine_page(bench)
    for table in bench.tables:
        yield _table_page(table)
    goals = _goals_page(bench)
    if goals.row_count:
        yield goals


def save_all(bench: Bench, folder: Path) -> Iterator[Path]:
    """Save all values as JSON, the tables as Markdown, and a picture of each table with a base."""
    folder.mkdir(parents=True, exist_ok=True)
    values, tables = folder / "bench.json", folder / "bench.md"
    save(bench, values)
    yield values
    tables.write_text("\n".join(_markdown(bench)), encoding="utf-8")
    yield tables
    for table in bench.tables:
        if table.base in table.values:
            picture = folder / f"{table.name}.png"
            picture.write_bytes(_picture(table))
            yield picture


def _picture(table: Table) -> bytes:
    from sockets_lab.figures import cost_ratios  # slow to import, and tables come first

    ratios = {name: table.ratio(name, table.base) for name in table.values}
    picture = cost_ratios(ratios, base=table.base, title=table.title, across="CPU time")
    return picture.png()


def _machine_page(bench: Bench) -> RenderableType:
    page = _page("This machine", "", "")
    for name, fact in bench.machine.items():
        page.add_row(name, fact)
    for name, lack in bench.missing.items():
        page.add_row(name, f"did not take part: this machine lacks {lack}")
    return page


def _table_page(table: Table) -> RenderableType:
    page = _page(f"{table.title} ({table.rounds} rounds)", "", *_heads(table))
    for name, *cells in _rows(table):
        page.add_row(Text(name), *cells)
    return page


def _goals_page(bench: Bench) -> Page:
    page = _page("Goals", "", "measured", "at most", "")
    for goal, spread in measured_goals(bench):
        met = "met" if spread.median <= goal.at_most else "missed"
        page.add_row(Text(str(goal)), str(spread), f"{goal.at_most:g}", met)
    return page


def _heads(table: Table) -> list[str]:
    ratio = [f"÷ {table.base}"] if table.base in table.values else []
    return [f"{table.unit}: median (quartiles)", *ratio]


def _rows(table: Table) -> Iterator[list[str]]:
    """Yield a row for each entrant, the cheapest first."""
    for name in sorted(table.values, key=lambda name: table.spread(name).median):
        ratio = [str(table.ratio(name, table.base))] if table.base in table.values else []
        yield [name, str(table.spread(name)), *ratio]


def _markdown(bench: Bench) -> Iterator[str]:
    yield "# What servers cost here\n"
    yield from (f"- {name}: {fact}" for name, fact in bench.machine.items())
    for table in bench.tables:
        yield f"\n## {table.title}\n\nMedians of {table.rounds} rounds, with quartiles.\n"
        yield "| " + " | ".join(["server", *_heads(table)]) + " |"
        yield "|---" * (1 + len(_heads(table))) + "|"
        yield from ("| " + " | ".join(row) + " |" for row in _rows(table))
    yield ""


def _page(title: str, *heads: str) -> Page:
    page = Page(title=title, title_justify="left", show_header=any(heads), box=None, pad_edge=False)
    for head in heads:
        page.add_column(head)
    return page
