"""Watching over time, and waiting until the kernel shows something."""

import _thread
import socket
import threading
import time

import pytest

from sockets_lab.kernel import NotSeen, history, until, watch
from sockets_lab.roles import Roles


@pytest.fixture
def scene(family):
    """A listener, a client and its connection."""
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


def test_a_watch_sees_the_states_one_after_the_other(scene):
    _, client, connection = scene
    with watch(*scene, interval_s=0.001) as seen:
        client.shutdown(socket.SHUT_WR)
        until(lambda now: now.state("client 1") == "FIN_WAIT_2", *scene)
        connection.close()
    assert seen.roles == ("listener", "client 1", "connection 1")
    assert seen.states("client 1")[0] == "ESTABLISHED"
    assert seen.states("client 1")[-1] == "TIME_WAIT"
    assert seen.states("connection 1")[-1] == "CLOSED"
    assert str(seen).splitlines()[0] == "listener: LISTEN"


def test_first_and_last_sample_are_taken_however_short_the_block(scene):
    with watch(*scene, interval_s=60) as seen:
        assert len(seen) == 1
    assert len(seen) == 2
    assert 0 <= seen.samples[0].at_s <= seen.samples[1].at_s < 60


def test_samples_come_while_the_block_runs(scene):
    with watch(*scene, interval_s=0.001) as seen:
        end = time.monotonic() + 5
        while len(seen) < 5 and time.monotonic() < end:
            time.sleep(0.001)
    times = [sample.at_s for sample in seen]
    assert len(times) >= 5
    assert times == sorted(times)


def test_sockets_that_are_closed_and_new_clients_keep_their_roles(scene):
    listener, client, _ = scene
    roles = Roles(*scene)
    with watch(listener, roles=roles) as seen:
        with socket.create_connection(listener.getsockname()[:2], timeout=5) as second:
            until(lambda now: "connection 2" in now, listener, second, roles=roles)
        client.close()
    assert seen.samples[-1].snapshot.state("client 1") in ("FIN_WAIT_1", "FIN_WAIT_2")
    assert "client 2" in roles


def watched(scene, block):
    """Run `block` while the scene is watched every millisecond."""
    with watch(*scene, interval_s=0.001):
        assert watchers()
        block()


def interrupt():
    _thread.interrupt_main()
    threading.Event().wait(5)


def test_the_thread_is_gone_after_an_exception(scene):
    with pytest.raises(ZeroDivisionError):
        watched(scene, lambda: 1 / 0)
    assert watchers() == []


def test_the_thread_is_gone_after_an_interrupt(scene):
    with pytest.raises(KeyboardInterrupt):
        watched(scene, interrupt)
    assert watchers() == []


def test_what_goes_wrong_while_watching_is_raised(scene, monkeypatch):
    look, calls, failed = history.look, [], threading.Event()

    def look_once(*sockets, **options):
        calls.append(1)
        if len(calls) > 1:
            failed.set()
            raise PermissionError("netlink is gone")
        return look(*sockets, **options)

    monkeypatch.setattr(history, "look", look_once)
    with pytest.raises(PermissionError, match="netlink is gone"):
        watched(scene, lambda: failed.wait(5))
    assert watchers() == []


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_an_interval_that_is_none_is_refused(scene, wrong):
    with pytest.raises(ValueError, match="interval_s must be more than 0"), watch(interval_s=wrong):
        pass


def test_what_is_no_socket_is_refused_before_the_block_begins():
    with pytest.raises(TypeError, match="expected a socket"), watch("listener"):
        pytest.fail("the block must not begin")
    assert watchers() == []


def test_until_returns_the_snapshot_that_was_waited_for(scene):
    listener, client, connection = scene
    client.close()
    snapshot = until(
        lambda now: now.state("connection 1") == "CLOSE_WAIT", listener, connection_1=connection
    )
    assert snapshot["connection 1"].state == "CLOSE_WAIT"


def test_until_says_what_it_saw_instead(scene):
    with pytest.raises(NotSeen, match=r"(?s)not seen within 0.01 s.*client 1\s+ESTABLISHED"):
        until(lambda now: "client 7" in now, *scene, deadline_s=0.01)
    with pytest.raises(TimeoutError):
        until(lambda now: False, *scene, deadline_s=0)
