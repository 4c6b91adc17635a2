"""Pictures of what was really recorded, watched and looked at, over loopback."""

import socket
import subprocess
import sys
import threading

import pytest

from sockets_lab import record
from sockets_lab.capabilities import has
from sockets_lab.figures import call_sequence, endpoint_graph, queue_over_time, states_over_time
from sockets_lab.kernel import look, until, watch
from sockets_lab.recording import Recording
from tests.conftest import Family
from tests.support.figure_checks import faults

needs_kernel_tables = pytest.mark.skipif(
    not has("sock-diag"), reason="this machine cannot see connections without a descriptor"
)

pytestmark = pytest.mark.ipv4  # some start a server


def recorded_echo(family: Family, *, states: bool) -> Recording:
    """Record one echo, sent before accept()."""
    with (
        record(states=states) as recording,
        socket.socket(family.family) as listener,
        socket.socket(family.family) as client,
    ):
        listener.bind((family.host, 0))
        listener.listen()
        client.connect(listener.getsockname())
        client.sendall(b"hello")
        with listener.accept()[0] as connection:
            connection.sendall(connection.recv(5))
            client.recv(5)
    return recording


@needs_kernel_tables
def test_echo_has_the_same_words_every_time(family: Family) -> None:
    words = {call_sequence(recorded_echo(family, states=True)).words for _ in range(5)}
    assert len(words) == 1
    lines = words.pop().splitlines()
    assert lines[0] == "14 calls on 3 sockets: client 1, listener, connection 1"
    assert "client 1 ESTABLISHED, connection 1 ESTABLISHED" in lines[6]
    assert lines[-1] == "connection 1 exists before accept() gives it a descriptor"


def test_echo_is_drawn_without_faults(family: Family) -> None:
    picture = call_sequence(recorded_echo(family, states=False))
    assert faults(picture.figure, 200) == []


def test_words_of_a_server_thread_are_separate(family: Family) -> None:
    def serve() -> None:
        with listener.accept()[0] as connection:
            while data := connection.recv(100):
                connection.sendall(data)

    with (
        record() as recording,
        socket.create_server((family.host, 0), family=family.family) as (listener),
    ):
        server = threading.Thread(target=serve, name="server")
        server.start()
        with socket.create_connection(listener.getsockname()[:2]) as client:
            client.sendall(b"hello")
            client.recv(5)
        server.join()
    picture = call_sequence(recording)
    assert "server:\n  listener: accept() -> connection 1 from client 1's address" in picture.words
    assert faults(picture.figure, 100) == []


def test_running_recording_can_be_drawn() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, record() as recording:
        waits = threading.Event()

        def serve() -> None:
            waits.set()
            listener.accept()[0].close()

        server = threading.Thread(target=serve, name="server")
        server.start()
        waits.wait()
        socket.create_connection(listener.getsockname()).close()
        server.join()
        picture = call_sequence(recording)
    assert "3 sockets" in picture.words


@needs_kernel_tables
def test_queue_is_drawn_from_a_watched_listener(family: Family) -> None:
    with (
        socket.create_server((family.host, 0), family=family.family, backlog=1) as listener,
        watch(listener, interval_s=0.001) as history,
    ):
        address = listener.getsockname()[:2]
        clients = [socket.create_connection(address) for _ in range(2)]
        until(lambda seen: seen["listener"].queue == 2, listener)
        threading.Event().wait(0.02)  # let the watch see it too
        clients += [listener.accept()[0] for _ in range(2)]
        for sock in clients:
            sock.close()
    assert queue_over_time(history).words == (
        "the accept queue rises to 2, its limit is 1; then it falls to 0"
    )
    assert states_over_time(history).words.startswith("listener: LISTEN\n")


@needs_kernel_tables
def test_graph_shows_one_address_shared(family: Family) -> None:
    with (
        socket.create_server((family.host, 0), family=family.family) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
        socket.socket(family.family, socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(listener.getsockname())
        picture = endpoint_graph(look(listener, client, datagrams))
    assert picture.words.splitlines()[:2] == [
        "4 sockets, 2 endpoints, 1 connection",
        "the listener's address is shared by listener (LISTEN), "
        "connection 1 (ESTABLISHED, not accepted yet), datagram socket 1 (UDP, bound)",
    ]
    assert faults(picture.figure, 200) == []


def test_drawing_imports_no_pyplot() -> None:
    code = (
        "import sys; from sockets_lab.figures import lab_map; lab_map().html();"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
