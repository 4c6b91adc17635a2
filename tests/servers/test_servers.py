"""What all server models promise, each tried on each, in a process of its own."""

import os
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from time import monotonic

import psutil
import pytest

from sockets_lab import background, open_listener
from sockets_lab.framing import encode_length
from sockets_lab.load import ClosedLoop, Served, run_load, serving
from sockets_lab.peers import PEERS
from sockets_lab.servers import MODELS, Conversation, Limits, Model, framed
from tests.conftest import FAMILIES, Family
from tests.support.busy_clients import BusyClients

REQUEST, REPLY = encode_length(b"hello"), encode_length(b"HELLO")
LIMITS = Limits(idle_s=0.6, drain_s=2.0, workers=8)
PATIENT = LIMITS._replace(idle_s=20.0)
POLITE, *AWKWARD = PEERS

# What each peer sees of a good server. One that never reads is held off until it has been idle for
# too long; whether unread bytes reset it then is the kernel's choice.
GOOD = {
    "well behaved": {"replied"},
    "one byte at a time": {"replied"},
    "glued": {"replied"},
    "half a message": {"closed"},
    "half closes": {"replied"},
    "aborts": {"reset"},
    "never reads": {"reset", "closed"},
    "says nothing": {"closed"},
    "claims a huge length": {"closed"},
    "floods": {"replied"},
}

# How many clients a model serves at the same time, by LIMITS; all others: any number.
AT_ONCE = {"serial": 1, "pooled": LIMITS.workers}


def lack_of(model: Model) -> str:
    """What this machine lacks for a model, or ""."""
    where, _, name = model.needs.partition(".")
    modules = {"os": os, "select": select}
    here = hasattr(modules[where], name) if name else not where or find_spec(where)
    return "" if here else model.needs


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    chosen: Model = request.param
    if lack := lack_of(chosen):
        pytest.skip(f"{chosen.name} needs {lack}, which is not here")
    return chosen


@contextmanager
def at_work(
    model: Model, limits: Limits, family: Family = FAMILIES["IPv4"], descriptors: int | None = None
) -> Iterator[Served]:
    with serving(
        model.path, framed, host=family.host, limits=limits, descriptors=descriptors
    ) as served:
        yield served


def outcome(server: Served) -> str:
    return POLITE(server.address, REQUEST, REPLY, deadline_s=8).outcome


def test_every_peer_sees_a_good_server(model: Model, family: Family) -> None:
    at_once = min(len(PEERS), AT_ONCE.get(model.name, len(PEERS)))
    with at_work(model, LIMITS, family) as server, ThreadPoolExecutor(at_once) as crowd:
        talks = {
            peer.name: crowd.submit(peer, server.address, REQUEST, REPLY, deadline_s=8)
            for peer in PEERS
        }
        seen = {name: talk.result() for name, talk in talks.items()}
        assert outcome(server) == "replied"
    assert [one for name, one in seen.items() if one.outcome not in GOOD[name]] == []


def test_serves_good_clients_while_others_hold_on(model: Model) -> None:
    if model.name == "serial":
        pytest.skip("serial serves one client after the other: that is what it is")
    holding = [peer for peer in AWKWARD if "closed" in GOOD[peer.name] and peer.name[0] != "c"]
    with at_work(model, PATIENT) as server, ThreadPoolExecutor(len(holding)) as crowd:
        talks = [
            crowd.submit(peer, server.address, REQUEST, REPLY, deadline_s=2) for peer in holding
        ]
        served = [outcome(server) for _ in range(20)]
        still_there = [talk.result().outcome for talk in talks]
    assert served == ["replied"] * 20
    assert still_there == ["timed out"] * len(holding)


def test_one_clients_bytes_never_reach_another(model: Model) -> None:
    # Each client has bytes of its own, so many that no send() takes them all.
    clients = AT_ONCE.get(model.name, 20)
    with serving(model.path, limits=PATIENT) as server:
        load = ClosedLoop(connections=clients, messages=200, size=300_000)
        result = run_load(server.address, load)
    assert (result.messages, result.lost) == (200, {})


def test_out_of_descriptors_it_waits_and_recovers(model: Model) -> None:
    many, most = 60, 40
    with at_work(model, PATIENT, descriptors=most) as server:
        assert outcome(server) == "replied"
        with ExitStack() as held:
            for _ in range(many * (LIMITS.workers if model.name == "preforked" else 1)):
                held.enter_context(socket.create_connection(server.address[:2]))
            spent_s, began_s = server.cpu_s(), monotonic()
            threading.Event().wait(1)
            share = (server.cpu_s() - spent_s) / (monotonic() - began_s)
        assert share < 0.3  # one that spins has a core for itself
        assert outcome(server) == "replied"


def test_stop_while_all_are_busy_loses_no_reply(model: Model) -> None:
    clients = AT_ONCE.get(model.name, 1_000)
    with ExitStack() as stack:
        with at_work(model, PATIENT) as server:
            busy = stack.enter_context(BusyClients(server.address, clients, REQUEST, REPLY))
            busy.wait_until_all_are_served()
        ends = busy.ends()
    assert ends == {"the end of the stream": clients}


def test_stop_answers_what_has_come_by_then(model: Model) -> None:
    clients = AT_ONCE.get(model.name, 200)
    with ExitStack() as stack:
        with at_work(model, LIMITS._replace(drain_s=0.3)) as server:
            talks = [
                stack.enter_context(socket.create_connection(server.address[:2]))
                for _ in range(clients)
            ]
            for sock in talks:
                sock.sendall(REQUEST)
                assert sock.recv(100) == REPLY
            for sock in talks:
                sock.sendall(REQUEST)
        assert [sock.recv(100) for sock in talks] == [REPLY] * clients
        assert [sock.recv(1) for sock in talks] == [b""] * clients


def test_stop_wastes_no_words_on_a_client_that_takes_nothing(
    model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as greedy, at_work(model, PATIENT._replace(drain_s=0.3)) as server:
        greedy.connect(server.address[:2])
        greedy.settimeout(0.5)
        with suppress(TimeoutError):
            greedy.sendall(REQUEST * 1_000_000)  # more than all buffers hold
    assert capsys.readouterr() == ("", "")


def test_stop_refuses_new_clients_and_says_goodbye_to_idle_ones(model: Model) -> None:
    with ExitStack() as stack:
        with at_work(model, PATIENT) as server:
            idle = stack.enter_context(socket.create_connection(server.address[:2]))
            idle.sendall(REQUEST)
            assert idle.recv(100) == REPLY
        assert idle.recv(1) == b""
        assert outcome(server) == "refused"


# A notebook's thread is no place for these: a fork is as large as the notebook, and Trio does not
# bear it when the socket by which it is woken up is freed.
APART = {"preforked", "trio_streams"}


def test_leaves_nothing_behind_beside_a_notebook(model: Model, family: Family) -> None:
    if model.name in APART:
        pytest.skip(f"{model.name} is run in a process of its own")
    with open_listener(family.host) as listener, ExitStack() as stack:
        address = listener.getsockname()
        with background.run(model.serve, listener, framed, limits=PATIENT):
            idle = stack.enter_context(socket.create_connection(address[:2]))
            idle.sendall(REQUEST)
            assert idle.recv(100) == REPLY
        assert idle.recv(1) == b""
        assert listener.fileno() == -1


def faulty() -> Conversation:
    def converse(received: bytes) -> bytes:
        raise LookupError("a fault of the service")

    return converse


def test_a_fault_of_the_service_goes_through(model: Model) -> None:
    if model.name in APART:
        pytest.skip(f"{model.name} is run in a process of its own")
    with open_listener() as listener:
        run = background.run(model.serve, listener, faulty, limits=LIMITS)
        POLITE(listener.getsockname(), REQUEST, REPLY)
        with pytest.raises(LookupError, match="a fault of the service"):
            run.stop()


@pytest.mark.parametrize("own_listeners", [False, True])
def test_preforked_replaces_a_worker_that_died(own_listeners: bool) -> None:
    if lack := lack_of(MODELS["preforked"]):
        pytest.skip(f"preforked needs {lack}, which is not here")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with serving(
            "sockets_lab.servers.preforked:serve",
            framed,
            listener=listener,
            limits=LIMITS._replace(workers=2),
            own_listeners=own_listeners,
        ) as server:
            listener.close()
            assert {outcome(server) for _ in range(10)} == {"replied"}
            children = psutil.Process(server.pid).children()
            children[0].kill()
            until_s = monotonic() + 8
            while psutil.Process(server.pid).children() == children and monotonic() < until_s:
                threading.Event().wait(0.02)
            assert len(psutil.Process(server.pid).children()) == 2
            assert {outcome(server) for _ in range(10)} == {"replied"}
