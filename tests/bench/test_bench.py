"""The benchmark of servers: its measurements, its results, and its command."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sockets_lab import bench
from sockets_lab.bench import Bench, Plan, Table, entrants, goals, measure
from sockets_lab.bench.entrants import BASE, Entrant, lack_of
from sockets_lab.bench.epoll_steps import STEPS
from sockets_lab.bench.outcomes import outcomes
from sockets_lab.bench.results import Spread
from sockets_lab.bench.rounds import TABLES
from sockets_lab.cli import app
from sockets_lab.load import ClosedLoop, run_load, serving
from sockets_lab.peers import PEERS

TINY = Plan(rounds=2, messages=200, connections=4, idle=20)
TABLE = Table("echo", "Echo", "µs", "C", {"C": [1.0, 2.0, 4.0], "slow": [2.0, 6.0, 4.0]})
BENCH = Bench("2026-11-25", {"system": "Linux"}, {"uvloop": "uvloop"}, (TABLE,))


def test_ratios_are_taken_within_a_round() -> None:
    assert TABLE.ratio("slow", "C") == Spread(1.5, 2.0, 2.5)
    assert TABLE.spread("C").median == 2.0
    assert TABLE.rounds == 3


def test_one_round_has_no_spread() -> None:
    assert Table("t", "", "", "", {"a": [3.0]}).spread("a") == Spread(3.0, 3.0, 3.0)


def test_loads_what_it_saved(tmp_path: Path) -> None:
    bench.save(BENCH, tmp_path / "bench.json")
    assert bench.load(tmp_path / "bench.json") == BENCH
    assert bench.load(tmp_path / "bench.json").table("echo") == TABLE


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"tables": [1]}'])
def test_refuses_another_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="is not a saved benchmark"):
        bench.load(path)


def test_refuses_an_unknown_table() -> None:
    with pytest.raises(LookupError, match="no table 'other'; choose one of: echo"):
        BENCH.table("other")
    with pytest.raises(LookupError, match="no table 'other'; choose one of: echo, churn"):
        measure(TINY, [], ["other"])


def test_interleaves_entrants() -> None:
    steps: list[str] = []
    ours = [
        Entrant(name, f"sockets_lab.servers.{name}:serve")
        for name in ("selectors_loop", "coroutine_loop")
    ]
    missing = Entrant("absent", "", lack="a module")
    found = measure(TINY, [*ours, missing], ["echo"], lambda step, *_: steps.append(step))
    assert [step.partition(": ")[2] for step in steps] == [
        *("selectors_loop", "coroutine_loop"),
        *("coroutine_loop", "selectors_loop"),
    ]
    values = found.table("echo").values
    assert {name: len(each) for name, each in values.items()} == dict.fromkeys(values, 2)
    assert all(value > 0 for each in values.values() for value in each)
    assert found.missing == {"absent": "a module"}


@pytest.mark.parametrize("name", ["churn", "memory", "crowd"])
def test_every_table_measures(name: str) -> None:
    entrant = Entrant("selectors_loop", "sockets_lab.servers.selectors_loop:serve")
    values = measure(TINY._replace(rounds=1), [entrant], [name]).table(name).values
    assert all(len(each) == 1 for each in values.values())
    assert "selectors_loop" in values or name == "memory"  # where the system does not report memory


def test_every_entrant_serves() -> None:
    with entrants() as every_entrant:
        for entrant in every_entrant:
            if entrant.lack:
                continue
            with serving(entrant.serve, **dict(entrant.options)) as server:
                load = ClosedLoop(connections=4, messages=100)
                result = run_load(server.address, load, server=server)
            assert (entrant.name, result.messages, result.lost) == (entrant.name, 100, {})
    names = [entrant.name for entrant in every_entrant]
    assert len(set(names)) == len(names)
    assert BASE in names


@pytest.mark.parametrize("function", STEPS.values())
def test_every_step_serves(function: str) -> None:
    if lack_of("select.epoll"):
        pytest.skip("this system has no epoll")
    with serving(f"sockets_lab.bench.epoll_steps:{function}") as server:
        result = run_load(server.address, ClosedLoop(connections=4, messages=100))
    assert (result.messages, result.lost) == (100, {})


def test_without_a_compiler_the_c_peer_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    with entrants() as every_entrant:
        (peer,) = (entrant for entrant in every_entrant if entrant.name == BASE)
    assert peer.lack == "a C compiler and epoll"


def test_lack_of_names_what_is_missing() -> None:
    assert lack_of("") == ""
    assert lack_of("json") == ""
    assert lack_of("os.path") == ""
    assert lack_of("no_such_module") == "no_such_module"
    assert lack_of("os.no_such_call") == "os.no_such_call"


def test_goals_are_checked_where_measured() -> None:
    values = {"epoll_loop": [1.1, 1.1], BASE: [1.0, 1.0]}
    found = Bench("", {}, {}, (Table("echo", "", "", BASE, values),))
    ((goal, ratio),) = goals.measured_goals(found)
    assert str(goal) == f"echo: epoll_loop ÷ {BASE}"
    assert ratio.median == pytest.approx(1.1)


def test_outcomes_by_model_and_peer() -> None:
    found = outcomes(names=["selectors_loop"])
    assert {peer for _, peer in found} == {peer.name for peer in PEERS}
    assert found["selectors_loop", "well behaved"] == "replied"


def test_the_recorded_run_is_complete() -> None:
    found = bench.recorded()
    assert {table.name for table in found.tables} == set(TABLES)
    assert found.table("echo").rounds >= 15
    assert str(found).startswith(f"measured {found.made_on} on ")
    assert {model for model, _ in bench.recorded_outcomes()} >= {"serial", "selectors_loop"}


def test_the_command_names_every_table() -> None:
    text = CliRunner().invoke(app, ["bench", "--help"]).output
    assert [name for name in TABLES if name not in text] == []


def test_the_command_prints_and_saves(tmp_path: Path) -> None:
    if lack_of("select.epoll"):
        pytest.skip("this system has no epoll")
    options = ("--rounds", "1", "--messages", "200", "--table", "steps")
    result = CliRunner().invoke(app, ["bench", *options, "--folder", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "Each step to the fast loop alone" in result.output
    saved = {path.name for path in tmp_path.iterdir()}
    assert saved == {"bench.json", "bench.md", "steps.png"}
    content = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert set(content["tables"][0]["values"]) > set(STEPS)


def test_the_command_refuses_an_unknown_table(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["bench", "--table", "other", "--folder", str(tmp_path)])
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []
