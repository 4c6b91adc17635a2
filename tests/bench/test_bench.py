"""The comparison of servers: what it measures, how it tells it, and that it is small when asked."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sockets_lab import bench
from sockets_lab.bench import Bench, Plan, Spread, Table, entrants, goals, measure
from sockets_lab.bench.entrants import BASE, Entrant, lack_of
from sockets_lab.bench.epoll_steps import STEPS
from sockets_lab.bench.outcomes import outcomes
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


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    bench.save(BENCH, tmp_path / "bench.json")
    assert bench.load(tmp_path / "bench.json") == BENCH
    assert bench.load(tmp_path / "bench.json").table("echo") == TABLE


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"tables": [1]}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="holds no bench"):
        bench.load(path)


def test_an_unknown_table_is_refused_by_name() -> None:
    with pytest.raises(LookupError, match="no table 'other': there is echo"):
        BENCH.table("other")
    with pytest.raises(LookupError, match="no table 'other': there is echo, churn"):
        measure(TINY, [], ["other"])


def test_measures_each_entrant_once_a_round_and_begins_with_another() -> None:
    told: list[str] = []
    ours = [
        Entrant(name, f"sockets_lab.servers.{name}:serve", "")
        for name in ("selectors_loop", "coroutine_loop")
    ]
    missing = Entrant("absent", "", "", lack="a module")
    found = measure(TINY, [*ours, missing], ["echo"], lambda words, *_: told.append(words))
    assert [words.partition(": ")[2] for words in told] == [
        *("selectors_loop", "coroutine_loop"),
        *("coroutine_loop", "selectors_loop"),
    ]
    values = found.table("echo").values
    assert {name: len(each) for name, each in values.items()} == dict.fromkeys(values, 2)
    assert all(value > 0 for each in values.values() for value in each)
    assert found.missing == {"absent": "a module"}


@pytest.mark.parametrize("name", ["churn", "memory", "crowd"])
def test_every_table_measures(name: str) -> None:
    entrant = Entrant("selectors_loop", "sockets_lab.servers.selectors_loop:serve", "")
    values = measure(TINY._replace(rounds=1), [entrant], [name]).table(name).values
    assert all(len(each) == 1 for each in values.values())
    assert "selectors_loop" in values or name == "memory"  # where the system does not tell memory


def test_every_entrant_that_is_here_serves() -> None:
    with entrants() as all_of_them:
        for one in all_of_them:
            if one.lack:
                continue
            with serving(one.serve, **dict(one.options)) as server:
                load = ClosedLoop(connections=4, messages=100)
                result = run_load(server.address, load, server=server)
            assert (one.name, result.messages, result.lost) == (one.name, 100, {})
    names = [one.name for one in all_of_them]
    assert len(set(names)) == len(names)
    assert BASE in names


@pytest.mark.parametrize("function", STEPS.values())
def test_every_step_serves(function: str) -> None:
    if lack_of("select.epoll"):
        pytest.skip("this system has no epoll")
    with serving(f"sockets_lab.bench.epoll_steps:{function}") as server:
        result = run_load(server.address, ClosedLoop(connections=4, messages=100))
    assert (result.messages, result.lost) == (100, {})


def test_where_nothing_can_be_compiled_the_peer_in_c_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    with entrants() as all_of_them:
        (peer,) = (one for one in all_of_them if one.name == BASE)
    assert peer.lack == "a C compiler and epoll"


def test_tells_what_a_machine_lacks() -> None:
    assert lack_of("") == ""
    assert lack_of("json") == ""
    assert lack_of("os.path") == ""
    assert lack_of("no_such_module") == "no_such_module"
    assert lack_of("os.no_such_call") == "os.no_such_call"


def test_goals_are_judged_where_they_were_measured() -> None:
    values = {"epoll_loop": [1.1, 1.1], BASE: [1.0, 1.0]}
    found = Bench("", {}, {}, (Table("echo", "", "", BASE, values),))
    (judged,) = goals.judged(found)
    assert str(judged[0]) == f"echo: epoll_loop ÷ {BASE}"
    assert judged[1].median == pytest.approx(1.1)


def test_outcomes_are_told_by_model_and_peer() -> None:
    found = outcomes(names=["selectors_loop"])
    assert {peer for _, peer in found} == {peer.name for peer in PEERS}
    assert found["selectors_loop", "well behaved"] == "replied"


def test_the_courses_own_run_is_whole() -> None:
    found = bench.recorded()
    assert {table.name for table in found.tables} == set(TABLES)
    assert found.table("echo").rounds >= 15
    assert str(found).startswith(f"measured {found.made_on} on ")
    assert {model for model, _ in bench.recorded_outcomes()} >= {"serial", "selectors_loop"}


def test_the_command_names_every_table() -> None:
    words = CliRunner().invoke(app, ["bench", "--help"]).output
    assert [name for name in TABLES if name not in words] == []


def test_the_command_prints_and_saves(tmp_path: Path) -> None:
    if lack_of("select.epoll"):
        pytest.skip("this system has no epoll")
    options = ("--rounds", "1", "--messages", "200", "--table", "steps")
    done = CliRunner().invoke(app, ["bench", *options, "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "Each step to the fast loop alone" in done.output
    saved = {path.name for path in tmp_path.iterdir()}
    assert saved == {"bench.json", "bench.md", "steps.png"}
    told = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert set(told["tables"][0]["values"]) > set(STEPS)


def test_the_command_refuses_an_unknown_table(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "--table", "other", "--folder", str(tmp_path)])
    assert done.exit_code == 2
    assert list(tmp_path.iterdir()) == []
