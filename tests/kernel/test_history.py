"""Record a history of snapshots, and wait until one shows what was asked for."""

import _thread
import socket
import threading
import time

import pytest

from sockets_lab.kernel import NotSeen, history, until, watch
from sockets_lab.roles import Roles


@pytest.fixture
def sockets(family):
    """Open a listener, a client and its connection."""
    with (
        socket.create_server((family.host, 0), family=family.family, backlog=3) as listener,
        socket.create_connection(listener.getsockname()[:2], timeout=5) as client,
    ):
        listener.settimeout(5)
        connection, _ = listener.accept()
        with connection:
            yield listener, client, connection


def watchers():
    return [thread for thread in threading.enumerate() if thread.name == "sockets_lab watch"]


def test_watch_sees_the_states_in_order(sockets):
    _, client, connection = sockets
    with watch(*sockets, interval_s=0.001) as seen:
        client.shutdown(socket.SHUT_WR)
        until(lambda now: now.state("client 1") == "FIN_WAIT_2", *sockets)
        connection.close()
    assert seen.roles == ("listener", "client 1", "connection 1")
    assert seen.states("client 1")[0] == "ESTABLISHED"
    assert seen.states("client 1")[-1] == "TIME_WAIT"
    assert seen.states("connection 1")[-1] == "CLOSED"
    assert str(seen).splitlines()[0] == "listener: LISTEN"


def test_first_and_last_sample_of_a_short_block(sockets):
    with watch(*sockets, interval_s=60) as seen:
        assert len(seen) == 1
    assert len(seen) == 2
    assert 0 <= seen.samples[0].at_s <= seen.samples[1].at_s < 60


def test_samples_arrive_while_the_block_runs(sockets):
    with watch(*sockets, interval_s=0.001) as seen:
        end = time.monotonic() + 5
        while len(seen) < 5 and time.monotonic() < end:
            time.sleep(0.001)
    times = [sample.at_s for sample in seen]
    assert len(times) >= 5
    assert times == sorted(times)


def test_closed_sockets_and_new_clients_have_roles(sockets):
    listener, client, _ = sockets
    roles = Roles(*sockets)
    with watch(listener, roles=roles) as seen:
        with socket.create_connection(listener.getsockname()[:2], timeout=5) as second:
            until(lambda now: "connection 2" in now, listener, second, roles=roles)
        client.close()
    assert seen.samples[-1].snapshot.state("client 1") in ("FIN_WAIT_1", "FIN_WAIT_2")
    assert "client 2" in roles


def watched(sockets, block):
    """Run `block` while the sockets are watched every millisecond."""
    with watch(*sockets, interval_s=0.001):
        assert watchers()
        block()


def interrupt():
    _thread.interrupt_main()
    threading.Event().wait(5)


def test_thread_ends_after_an_exception(sockets):
    with pytest.raises(ZeroDivisionError):
        watched(sockets, lambda: 1 / 0)
    assert watchers() == []


def test_thread_ends_after_an_interrupt(sockets):
    with pytest.raises(KeyboardInterrupt):
        watched(sockets, interrupt)
    assert watchers() == []


def test_raises_an_error_of_the_thread(sockets, monkeypatch):
    look, calls, failed = history.look, [], threading.Event()

    def look_once(*sockets, **options):
        calls.append(1)
        if len(calls) > 1:
            failed.set()
            raise PermissionError("netlink is gone")
        return look(*sockets, **options)

    monkeypatch.setattr(history, "look", look_once)
    with pytest.raises(PermissionError, match="netlink is gone"):
        watched(sockets, lambda: failed.wait(5))
    assert watchers() == []


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_refuses_an_interval_that_is_not_positive(sockets, wrong):
    with pytest.raises(ValueError, match="interval_s must be more than 0"), watch(interval_s=wrong):
        pass


def test_refuses_before_the_block_begins():
    with pytest.raises(TypeError, match="expected a socket"), watch("listener"):
        pytest.fail("the block must not begin")
    assert watchers() == []


def test_until_returns_the_matching_snapshot(sockets):
    listener, client, connection = sockets
    client.close()
    snapshot = until(
        lambda now: now.state("connection 1") == "CLOSE_WAIT", listener, connection_1=connection
    )
    assert snapshot["connection 1"].state == "CLOSE_WAIT"


def test_until_reports_the_last_snapshot(sockets):
    with pytest.raises(NotSeen, match=r"(?s)not seen within 0.01 s.*client 1\s+ESTABLISHED"):
        until(lambda now: "client 7" in now, *sockets, deadline_s=0.01)
    with pytest.raises(TimeoutError):
        until(lambda now: False, *sockets, deadline_s=0)
