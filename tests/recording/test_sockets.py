"""Sockets with several objects, mistakes, and the kernel's states in a recording."""

import socket
import ssl
import threading
from array import array

import pytest

from sockets_lab import record
from tests.conftest import Family
from tests.recording.test_recording import connect, lines, listener

__all__ = ["listener"]  # a fixture of the other file


def test_socket_for_a_descriptor_keeps_its_role(
    listener: socket.socket,
) -> None:
    with record() as recording:
        first = connect(listener)
        second = socket.socket(fileno=first.fileno())
        second.getpeername()
        first.detach()
        second.close()
    assert recording.lanes() == ("client 1", "listener")
    assert lines(recording)[-3:] == [
        "client 1: getpeername() -> the listener's address",
        "client 1: detach()",
        "client 1: close()",
    ]


def test_the_call_itself_reports_mistakes(family: Family) -> None:
    with record() as recording, socket.socket(family.family) as sock:
        with pytest.raises(TypeError):
            socket.socket("INET")  # type: ignore[arg-type]  # the mistake is the point
        with pytest.raises(TypeError):
            sock.connect(family.host)  # type: ignore[arg-type]  # likewise
        with pytest.raises(TypeError):
            sock.sendmsg(None)  # type: ignore[arg-type]  # likewise
        with pytest.raises(TypeError):
            sock.sendall("text")  # type: ignore[arg-type]  # likewise
    shown = [line.partition(": ")[2] for line in lines(recording)[1:-1]]
    assert shown == [
        "socket('INET') !! TypeError",
        "connect(an address) !! TypeError",
        "sendmsg(None) !! TypeError",
        "sendall('text') !! TypeError",
    ]


def test_tls_socket_has_the_role_of_its_socket(listener: socket.socket) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with record() as recording:
        plain = connect(listener)
        with context.wrap_socket(plain, do_handshake_on_connect=False) as tls:
            connection, _ = listener.accept()
            connection.close()
            assert recording.roles.of(tls) == "client 1"
    assert [str(call) for call in recording if call.role == "client 1"][1:] == [
        "client 1: connect(the listener's address)",
        "client 1: close()",
    ]


def test_asks_for_states_after_each_call(family: Family) -> None:
    with (
        record(states=True) as recording,
        socket.create_server((family.host, 0), family=family.family) as server,
        connect(server) as client,
    ):
        connection, _ = server.accept()
        connection.close()
        client.recv(1)
    states = {call.name: call.states for call in recording if call.role != "connection 1"}
    assert states["bind"] == {"listener": "CLOSED"}
    assert states["listen"] == {"listener": "LISTEN"}
    assert states["connect"] == {
        "listener": "LISTEN",
        "client 1": "ESTABLISHED",
        "connection 1": "ESTABLISHED",
    }
    assert states["recv"]["client 1"] == "CLOSE_WAIT"
    with record() as stateless, socket.socket(family.family):
        pass
    assert [call.states for call in stateless] == [None, None]


def test_states_do_not_wait_for_other_threads(family: Family) -> None:
    with (
        record(states=True) as recording,
        socket.create_server((family.host, 0), family=family.family) as server,
    ):
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        with connect(server) as client:
            client.recv(1)
        thread.join()
    assert all(call.states for call in recording)
    assert "getsockopt" not in [call.name for call in recording]


def test_any_buffer_can_be_sent_and_filled(listener: socket.socket) -> None:
    with connect(listener) as client:
        connection, _ = listener.accept()
        with connection, record() as recording:
            client.sendall(array("H", [1, 2]))
            connection.recv_into(array("H", [0, 0]))
    sent, received = recording.calls
    assert (sent.nbytes, received.nbytes) == (4, 4)
    assert "4 bytes" in str(received)


def test_calls_with_missing_arguments_are_recorded(family: Family) -> None:
    with record() as recording, socket.socket(family.family) as sock:
        for call in (sock.setsockopt, sock.shutdown):
            with pytest.raises(TypeError):
                call()  # type: ignore[call-arg]  # the mistake is the point
    assert lines(recording)[1:3] == [
        "socket 1: setsockopt() !! TypeError",
        "socket 1: shutdown() !! TypeError",
    ]


def test_a_recording_is_a_sequence_from_both_ends(listener: socket.socket) -> None:
    with record() as recording:
        listener.getsockname()
        listener.fileno()
        listener.getsockname()
    assert [*reversed(recording)] == [*recording.calls][::-1]
    assert recording.index(recording[1]) == 1
    assert recording[1] in recording
