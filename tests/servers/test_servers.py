"""What every server model promises, tested on each model in a child process."""

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
from sockets_lab.servers import MODELS, Limits, Model, Responder, framed
from tests.conftest import FAMILIES, Family
from tests.support.busy_clients import BusyClients

REQUEST, REPLY = encode_length(b"hello"), encode_length(b"HELLO")
LIMITS = Limits(idle_s=0.6, drain_s=2.0, workers=8)
PATIENT = LIMITS._replace(idle_s=20.0)
WELL_BEHAVED, *AWKWARD = PEERS

# What each peer sees of a good server. One that never reads is not read either (backpressure),
# until its idle deadline; whether unread bytes then reset it is the kernel's choice.
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
PARALLEL = {"serial": 1, "pooled": LIMITS.workers}


def lack_of(model: Model) -> str:
    """Return what this machine lacks for a model, or ""."""
    module, _, name = model.needs.partition(".")
    modules = {"os": os, "select": select}
    found = hasattr(modules[module], name) if name else not module or find_spec(module)
    return "" if found else model.needs


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    chosen: Model = request.param
    if lack := lack_of(chosen):
        pytest.skip(f"{chosen.name} needs {lack}")
    return chosen


@contextmanager
def running(
    model: Model, limits: Limits, family: Family = FAMILIES["IPv4"], descriptors: int | None = None
) -> Iterator[Served]:
    with serving(
        model.path, framed, host=family.host, limits=limits, descriptors=descriptors
    ) as served:
        yield served


def outcome(server: Served) -> str:
    return WELL_BEHAVED(server.address, REQUEST, REPLY, deadline_s=8).outcome


def test_every_peer_sees_a_good_server(model: Model, family: Family) -> None:
    parallel = min(len(PEERS), PARALLEL.get(model.name, len(PEERS)))
    with running(model, LIMITS, family) as server, ThreadPoolExecutor(parallel) as pool:
        runs = {
            peer.name: pool.submit(peer, server.address, REQUEST, REPLY, deadline_s=8)
            for peer in PEERS
        }
        seen = {name: run.result() for name, run in runs.items()}
        assert outcome(server) == "replied"
    assert [each for name, each in seen.items() if each.outcome not in GOOD[name]] == []


def test_serves_clients_while_others_are_silent(model: Model) -> None:
    if model.name == "serial":
        pytest.skip("serial serves one client after the other")
    holding = [peer for peer in AWKWARD if "closed" in GOOD[peer.name] and peer.name[0] != "c"]
    with running(model, PATIENT) as server, ThreadPoolExecutor(len(holding)) as pool:
        runs = [pool.submit(peer, server.address, REQUEST, REPLY, deadline_s=2) for peer in holding]
        served = [outcome(server) for _ in range(20)]
        still_open = [run.result().outcome for run in runs]
    assert served == ["replied"] * 20
    assert still_open == ["timed out"] * len(holding)


def test_bytes_never_reach_another_client(model: Model) -> None:
    # Each client sends different bytes, and too many for one send() to take them all.
    clients = PARALLEL.get(model.name, 20)
    with serving(model.path, limits=PATIENT) as server:
        load = ClosedLoop(connections=clients, messages=200, size=300_000)
        result = run_load(server.address, load)
    assert (result.messages, result.lost) == (200, {})


def test_lingers_after_a_violation(model: Model) -> None:
    # Closing with unread bytes would reset the connection: a lingering close discards them.
    with running(model, PATIENT) as server, socket.create_connection(server.address[:2]) as client:
        client.settimeout(8)
        client.sendall(b"\xff" * 4)
        assert client.recv(1) == b""
        for _ in range(10):
            client.sendall(bytes(10_000))
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""


def test_stop_may_come_during_a_lingering_close(model: Model) -> None:
    with socket.socket() as client:
        with running(model, PATIENT._replace(drain_s=0.3)) as server:
            client.connect(server.address[:2])
            client.settimeout(8)
            client.sendall(b"\xff" * 4)
            assert client.recv(1) == b""
        assert outcome(server) == "refused"


def test_recovers_from_emfile(model: Model) -> None:
    many, most = 60, 40
    with running(model, PATIENT, descriptors=most) as server:
        assert outcome(server) == "replied"
        with ExitStack() as held:
            for _ in range(many * (LIMITS.workers if model.name == "preforked" else 1)):
                held.enter_context(socket.create_connection(server.address[:2]))
            spent_s, began_s = server.cpu_s(), monotonic()
            threading.Event().wait(1)
            busy = (server.cpu_s() - spent_s) / (monotonic() - began_s)
        assert busy < 0.3  # a busy loop uses a whole core
        assert outcome(server) == "replied"


def test_stop_loses_no_reply(model: Model) -> None:
    clients = PARALLEL.get(model.name, 1_000)
    with ExitStack() as stack:
        with running(model, PATIENT) as server:
            busy = stack.enter_context(BusyClients(server.address, clients, REQUEST, REPLY))
            busy.wait_until_all_are_served()
        ends = busy.ends()
    assert ends == {"the end of the stream": clients}


def test_stop_answers_what_has_arrived(model: Model) -> None:
    many = PARALLEL.get(model.name, 200)
    with ExitStack() as stack:
        with running(model, LIMITS._replace(drain_s=0.3)) as server:
            clients = [
                stack.enter_context(socket.create_connection(server.address[:2]))
                for _ in range(many)
            ]
            for sock in clients:
                sock.sendall(REQUEST)
                assert sock.recv(100) == REPLY
            for sock in clients:
                sock.sendall(REQUEST)
        assert [sock.recv(100) for sock in clients] == [REPLY] * many
        assert [sock.recv(1) for sock in clients] == [b""] * many


def test_stop_prints_nothing_about_a_stuck_client(
    model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as stuck, running(model, PATIENT._replace(drain_s=0.3)) as server:
        stuck.connect(server.address[:2])
        stuck.settimeout(0.5)
        with suppress(TimeoutError):
            stuck.sendall(REQUEST * 1_000_000)  # more than all buffers hold
    assert capsys.readouterr() == ("", "")


def test_stop_refuses_new_and_ends_idle_clients(model: Model) -> None:
    with ExitStack() as stack:
        with running(model, PATIENT) as server:
            idle = stack.enter_context(socket.create_connection(server.address[:2]))
            idle.sendall(REQUEST)
            assert idle.recv(100) == REPLY
        assert idle.recv(1) == b""
        assert outcome(server) == "refused"


# These do not run in a notebook's thread: a fork is as large as the notebook, and Trio fails when
# the socket that wakes it up is unblocked.
ONLY_IN_A_CHILD = {"preforked", "trio_streams"}


def test_leaves_nothing_open_in_a_notebook(model: Model, family: Family) -> None:
    if model.name in ONLY_IN_A_CHILD:
        pytest.skip(f"{model.name} runs in a child process")
    with open_listener(family.host) as listener, ExitStack() as stack:
        address = listener.getsockname()
        with background.run(model.serve, listener, framed, limits=PATIENT):
            idle = stack.enter_context(socket.create_connection(address[:2]))
            idle.sendall(REQUEST)
            assert idle.recv(100) == REPLY
        assert idle.recv(1) == b""
        assert listener.fileno() == -1


def faulty() -> Responder:
    def respond(received: bytes) -> bytes:
        raise LookupError("a bug in the service")

    return respond


def test_service_errors_propagate(model: Model) -> None:
    if model.name in ONLY_IN_A_CHILD:
        pytest.skip(f"{model.name} runs in a child process")
    with open_listener() as listener:
        run = background.run(model.serve, listener, faulty, limits=LIMITS)
        WELL_BEHAVED(listener.getsockname(), REQUEST, REPLY)
        with pytest.raises(LookupError, match="a bug in the service"):
            run.stop()


@pytest.mark.parametrize("own_listeners", [False, True])
def test_preforked_replaces_a_dead_worker(own_listeners: bool) -> None:
    if lack := lack_of(MODELS["preforked"]):
        pytest.skip(f"preforked needs {lack}")
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
