"""Loads: what is counted, what is refused, and that each ends and leaves nothing behind."""

import os
import pickle
import sys
import time
from collections.abc import Iterator

import pytest

from sockets_lab.addresses import Endpoint
from sockets_lab.listeners import open_listener
from sockets_lab.load import (
    MOST_CONNECTIONS,
    MOST_MESSAGES,
    Churn,
    ClosedLoop,
    OpenLoop,
    Served,
    WrongReply,
    hold,
    run_load,
    serving,
)
from sockets_lab.load.client_pool import ClientPool
from sockets_lab.load.clients import Exchange
from sockets_lab.load.loops import run_closed_loop, run_open_loop
from sockets_lab.load.results import bottleneck
from tests.conftest import Family
from tests.support import child_servers
from tests.support.interrupting import interrupted_after

pytestmark = pytest.mark.ipv4  # the server of all tests
LISTENER = ("127.0.0.1", 9)


@pytest.fixture(scope="module", autouse=True)
def echo() -> Iterator[Served]:
    """Run one echo server for all tests of this file."""
    with serving(child_servers.echo) as server:
        yield server


def soon(seconds: float = 5.0) -> int:
    return time.perf_counter_ns() + int(seconds * 1e9)


# What is counted


def test_closed_loop_counts_every_message(family: Family) -> None:
    with serving(child_servers.echo, host=family.host) as server:
        result = run_load(server.address, ClosedLoop(connections=5, messages=400, warm_up=20))
    assert (result.messages, result.asked, result.unanswered) == (400, 400, 0)
    assert (result.late, result.lost, result.corrected) == (0, {}, None)
    assert str(result) == "closed loop over 5 connections: all 400 messages were answered"


def test_open_loop_counts_in_both_histograms(echo: Served) -> None:
    result = run_load(echo.address, OpenLoop(rate=1000, seconds=0.3, connections=3, warm_up_s=0.05))
    assert result.corrected is not None
    assert result.messages == result.corrected.count == result.wanted == 300
    assert result.seconds >= 0.299  # the last message is due after 299 ms


def test_corrected_latency_is_never_shorter(echo: Served) -> None:
    result = run_load(echo.address, OpenLoop(rate=2000, seconds=0.3, connections=2))
    assert result.corrected is not None
    for percent in (0, 50, 90, 99, 100):
        assert result.corrected.percentile_s(percent) >= result.latencies.percentile_s(percent)


def test_churn_counts_every_connection(family: Family) -> None:
    with serving(child_servers.echo, host=family.host) as server:
        result = run_load(server.address, Churn(connections=150, at_once=7, warm_up=10))
    assert (result.messages, result.lost) == (150, {})
    assert str(result) == "churn over 150 connections: all 150 messages were answered"


def test_accepts_more_clients_than_messages(echo: Served) -> None:
    result = run_load(echo.address, ClosedLoop(connections=9, messages=4, warm_up=0))
    assert result.messages == 4


@pytest.mark.parametrize("size", [1, 7, 64, 300_000])
def test_exchanges_messages_of_any_size(echo: Served, size: int) -> None:
    result = run_load(echo.address, ClosedLoop(connections=3, messages=30, size=size, warm_up=0))
    assert (result.messages, result.size) == (30, size)


def test_joins_a_reply_in_pieces() -> None:
    with serving(child_servers.in_pieces) as server:
        result = run_load(
            server.address, ClosedLoop(connections=2, messages=20, size=5500, warm_up=0)
        )
    assert result.messages == 20


def test_checks_the_reply_of_another_service() -> None:
    with serving(child_servers.capitals, "tests.support.child_servers:upper") as server:
        load = {"connections": 2, "messages": 20, "warm_up": 0}
        result = run_load(server.address, ClosedLoop(request=b"hello", reply=b"HELLO", **load))
        assert (result.messages, result.size) == (20, 5)
        with pytest.raises(WrongReply, match=r"at byte 0: b'HELLO' came, b'hello' was expected"):
            run_load(server.address, ClosedLoop(request=b"hello", **load))


def test_notices_the_reply_of_another_client() -> None:
    with (
        serving(child_servers.mixes_up) as server,
        pytest.raises(WrongReply, match="a reply differs from what was expected at byte"),
    ):
        run_load(server.address, ClosedLoop(connections=2, messages=50, warm_up=0))


def test_does_not_count_the_warm_up(echo: Served) -> None:
    result = run_load(
        echo.address, ClosedLoop(connections=2, messages=10, warm_up=500), server=echo
    )
    assert result.messages == 10


def test_measures_cpu_time_of_client_and_server(echo: Served) -> None:
    named = run_load(echo.address, ClosedLoop(connections=4, messages=1000, warm_up=0), server=echo)
    by_number = run_load(echo.address, Churn(connections=200), server=echo.pid)
    unnamed = run_load(echo.address, ClosedLoop(connections=4, messages=1000, warm_up=0))
    for result in (named, by_number):
        assert result.client_cpu_s_per_message > 0
        assert result.server_cpu_s_per_message > 0
        assert result.server_busy is not None
    assert (unnamed.server_cpu_s, unnamed.server_busy) == (None, None)
    with pytest.raises(ValueError, match="call run_load\\(\\) with server="):
        _ = unnamed.server_cpu_s_per_message


def test_result_can_be_pickled(echo: Served) -> None:
    result = run_load(echo.address, OpenLoop(rate=500, seconds=0.1, connections=2))
    again = pickle.loads(pickle.dumps(result))
    assert again.latencies.steps() == result.latencies.steps()
    assert again._replace(latencies=result.latencies, corrected=result.corrected) == result


# Coordinated omission


def test_open_loop_shows_a_stall_closed_hides() -> None:
    """The server stalls a tenth of the time, so one message in a hundred waits 0.9 of a stall.

    In theory the 99th percentile is 0.9 of the stall. A closed loop meets each stall with at most
    as many messages as it has connections.
    """
    stall_s = 0.06
    with serving(child_servers.stalling, every_s=10 * stall_s, stall_s=stall_s) as server:
        load = {"connections": 4, "warm_up": 0, "deadline_s": 1.3}
        closed = run_load(server.address, ClosedLoop(messages=MOST_MESSAGES, **load))
        opened = run_load(
            server.address, OpenLoop(rate=1000, seconds=1.2, connections=4, warm_up_s=0)
        )
    assert opened.corrected is not None
    assert 0.5 * stall_s < opened.corrected.percentile_s(99) < 2 * stall_s
    assert closed.latencies.largest_s > 0.5 * stall_s  # it met the stall, too
    assert closed.latencies.percentile_s(99) < opened.corrected.percentile_s(99) / 2
    assert opened.latencies.percentile_s(99) < opened.corrected.percentile_s(99) / 2


# When the client sets the pace


def test_bottleneck_is_a_client_busy_alone() -> None:
    assert bottleneck(0.97, 0.5) == "the client: it had work all the time, and the server did not"
    assert bottleneck(0.97, 0.95) == ""
    assert bottleneck(0.4, 0.95) == ""
    assert bottleneck(0.97, 3.5) == ""
    assert "give server=" in bottleneck(0.97, None)
    assert bottleneck(0.4, None) == ""


def test_bottleneck_is_a_client_sending_late() -> None:
    assert bottleneck(0.1, 0.1, late=10, messages=1000) == ""
    assert "more than one request in a hundred was sent late" in bottleneck(0.1, 0.1, 11, 1000)


def test_counts_requests_sent_late(echo: Served) -> None:
    class Dawdling(ClientPool):
        def ready(self, timeout_s: float) -> list:
            time.sleep(0.005)
            return super().ready(timeout_s)

    with Dawdling(Endpoint(*echo.address), Exchange(64)) as pool:
        pool.connect(20, 5.0)
        timings = run_open_loop(pool, 20, 1e6, soon())
    assert len(timings.intended) == 20
    assert timings.late > 5


def test_waiting_for_the_server_is_not_late() -> None:
    with serving(child_servers.stalling, every_s=0.1, stall_s=0.05) as server:
        result = run_load(server.address, OpenLoop(rate=400, seconds=0.5, connections=1))
    assert result.corrected is not None
    assert result.corrected.largest_s > 0.02
    assert result.late < result.messages / 4


# Bounds and refusals


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        (("192.0.2.1", 80), r"loopback only, and '192\.0\.2\.1' is not on it"),
        (("0.0.0.0", 80), r"'0\.0\.0\.0' is not on it"),
        (("2001:db8::1", 80, 0, 0), r"'2001:db8::1' is not on it"),
        (("::", 80, 0, 0), "'::' is not on it"),
        (("localhost", 80), "'localhost' is not a numeric address"),
        (("127.0.0.1", 0), "no server can listen on port 0"),
    ],
)
def test_loads_loopback_only(address: tuple[object, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        run_load(address, ClosedLoop(connections=1, messages=1))
    with pytest.raises(ValueError, match=complaint):
        run_load(address, OpenLoop(rate=1, seconds=1, connections=1))
    with pytest.raises(ValueError, match=complaint):
        run_load(address, Churn(connections=1))
    with pytest.raises(ValueError, match=complaint), hold(address, 1):
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"connections": 0},
        {"connections": MOST_CONNECTIONS + 1},
        {"messages": 0},
        {"messages": MOST_MESSAGES + 1},
        {"warm_up": -1},
        {"size": 0},
        {"size": 1 << 21},
        {"request": b""},
        {"reply": b""},
        {"deadline_s": 0},
        {"deadline_s": 301},
        {"deadline_s": float("nan")},
        {"grace_s": 0},
    ],
)
def test_closed_loop_has_bounds(wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=rf"{name} is .*: give "):
        run_load(LISTENER, ClosedLoop(**{"connections": 1, "messages": 1, **wrong}))


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 0}, {"rate": -1}, {"rate": 1e9}, {"seconds": 301}, {"seconds": 0}, {"grace_s": 0}],
)
def test_open_loop_has_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give "):
        run_load(LISTENER, OpenLoop(**{"rate": 10, "seconds": 1, "connections": 1, **wrong}))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no process")
def test_pins_the_client_to_its_cores(echo: Served) -> None:
    core = min(os.sched_getaffinity(0))
    load = ClosedLoop(connections=2, messages=20)
    assert run_load(echo.address, load, cpus={core}).messages == 20
    with pytest.raises(ValueError, match=r"cpus is \(99999,\): give numbers from"):
        run_load(echo.address, load, cpus={99999})


def test_refuses_cores_where_it_cannot_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    with pytest.raises(ValueError, match="this system cannot pin a process: leave cpus out"):
        run_load(LISTENER, ClosedLoop(connections=1, messages=1), cpus={0})


def test_counts_must_be_integers() -> None:
    with pytest.raises(TypeError, match=r"connections must be an integer, not 1\.5"):
        run_load(LISTENER, ClosedLoop(connections=1.5, messages=1))
    with pytest.raises(TypeError, match="deadline_s must be a number, not '1'"):
        run_load(LISTENER, ClosedLoop(connections=1, messages=1, deadline_s="1"))


def test_raises_the_errno_of_the_kernel(family: Family) -> None:
    with open_listener(family.host) as gone:
        address = gone.getsockname()
    for load in (
        lambda: run_load(address, ClosedLoop(connections=2, messages=10)),
        lambda: run_load(address, Churn(connections=10)),
        lambda: hold(address, 2).__enter__(),
    ):
        with pytest.raises(ConnectionRefusedError):
            load()


def test_a_mute_server_ends_at_the_deadline() -> None:
    load = {"connections": 2, "messages": 9, "deadline_s": 0.1, "grace_s": 0.1}
    with serving(child_servers.mute) as server:
        with pytest.raises(TimeoutError, match=r"not one message was answered within 0\.2 s"):
            run_load(server.address, ClosedLoop(warm_up=0, **load))
        with pytest.raises(
            TimeoutError, match=r"did not answer all warm-up requests within 0\.2 s"
        ):
            run_load(server.address, ClosedLoop(**load))


def test_keeps_replies_of_a_server_that_stops() -> None:
    load = {"connections": 3, "warm_up": 0, "deadline_s": 0.3, "grace_s": 0.1}
    with serving(child_servers.answers_some, messages=20) as server:
        result = run_load(server.address, ClosedLoop(messages=100, **load))
    assert (result.messages, result.asked, result.unanswered) == (20, 23, 3)
    assert str(result).endswith("not all of 100 messages were answered: the deadline came first")


def test_counts_requests_under_way_at_the_end() -> None:
    """Without them the slowest messages would be missing, above all those of the stall."""
    with serving(child_servers.stalling, every_s=0.2, stall_s=0.2) as server:
        result = run_load(
            server.address,
            ClosedLoop(connections=3, messages=MOST_MESSAGES, warm_up=0, deadline_s=0.3),
        )
    assert result.unanswered == 0
    assert result.messages == result.asked < result.wanted


def test_counts_due_requests_as_unanswered() -> None:
    with serving(child_servers.answers_some, messages=20) as server:
        result = run_load(
            server.address, OpenLoop(rate=500, seconds=0.2, connections=2, warm_up_s=0, grace_s=0.2)
        )
    assert result.corrected is not None
    assert (result.messages, result.corrected.count, result.unanswered) == (20, 20, 80)


def test_counts_a_lost_connection_and_goes_on() -> None:
    with serving(child_servers.resets_some, messages=20) as server:
        result = run_load(server.address, ClosedLoop(connections=3, messages=100, warm_up=0))
    assert (result.messages, result.unanswered, result.lost) == (99, 1, {"ECONNRESET": 1})
    assert str(result).endswith("connections were lost")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no timer that interrupts")
@pytest.mark.parametrize("delay_s", [0.02, 0.4])
def test_an_interrupt_ends_a_load_in_a_second(delay_s: float) -> None:
    with serving(child_servers.mute) as server:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt), interrupted_after(delay_s):
            run_load(server.address, ClosedLoop(connections=20, messages=100, deadline_s=60))
        assert time.monotonic() - began < delay_s + 1.0


# In this process: as the child does by selectors, where there is no epoll


@pytest.mark.parametrize("size", [64, 300_000])
def test_uses_selectors_without_epoll(echo: Served, size: int) -> None:
    with ClientPool(Endpoint(*echo.address), Exchange(size), portable=True) as pool:
        pool.connect(4, 5.0)
        assert len(run_closed_loop(pool, 40, soon(), soon()).sent) == 40
        assert len(run_open_loop(pool, 40, 1e6, soon()).intended) == 40
