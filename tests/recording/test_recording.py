"""A recording has the calls made while it ran, in words and in roles."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from sockets_lab import record
from sockets_lab.recording import Recording
from tests.conftest import Family


@pytest.fixture
def listener(family: Family) -> Iterator[socket.socket]:
    with socket.create_server((family.host, 0), family=family.family) as listener:
        yield listener


def connect(listener: socket.socket) -> socket.socket:
    return socket.create_connection(listener.getsockname()[:2])


def lines(recording: Recording) -> list[str]:
    return str(recording).splitlines()


def test_shows_a_session_in_roles(family: Family) -> None:
    with record() as recording, socket.socket(family.family, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((family.host, 0))
        server.listen(5)
        with socket.socket(family.family) as client:
            client.connect(server.getsockname())
            connection, _ = server.accept()
            with connection:
                client.sendall(b"hello")
                connection.recv(10)
                connection.send(b"x" * 100)
                client.recv(1000, socket.MSG_PEEK)
                client.shutdown(socket.SHUT_WR)
                connection.recv(10)
    name = "AF_INET" if family.family == socket.AF_INET else "AF_INET6"
    assert lines(recording) == [
        f"listener: socket({name}, SOCK_STREAM)",
        "listener: setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)",
        f"listener: bind({family.host}, port 0)",
        "listener: listen(5)",
        f"client 1: socket({name}, SOCK_STREAM)",
        "listener: getsockname() -> the listener's address",
        "client 1: connect(the listener's address)",
        "listener: accept() -> connection 1 from client 1's address",
        "client 1: sendall(b'hello')",
        "connection 1: recv(10) -> 5 bytes",
        "connection 1: send(b'xxxxxxxxxxxxxxxxxxxx'... 100 bytes) -> 100 bytes",
        "client 1: recv(1000, MSG_PEEK) -> 100 bytes",
        "client 1: shutdown(SHUT_WR)",
        "connection 1: recv(10) -> 0 bytes, the end",
        "connection 1: close()",
        "client 1: close()",
        "listener: close()",
    ]
    assert recording.lanes() == ("client 1", "listener", "connection 1")
    assert recording.threads == ("notebook",)


def test_returns_each_call_as_a_record(listener: socket.socket) -> None:
    with record() as recording, connect(listener) as client:
        client.sendall(b"hello")
    sent = recording.of("client 1")[2]
    assert repr(sent) == "<Call 4: client 1: sendall(b'hello')>"
    assert (sent.name, sent.role, sent.thread) == ("sendall", "client 1", "notebook")
    assert (sent.arguments, sent.result, sent.error, sent.nbytes) == ("b'hello'", "", None, 5)
    assert sent.finished
    assert 0 <= sent.started_s <= sent.started_s + sent.waited_s < 60
    assert [call.number for call in recording] == list(range(1, len(recording) + 1))
    assert str(recording[-1]) == "client 1: close()"
    assert [call.name for call in recording[-2:]] == ["sendall", "close"]
    assert [call.number for call in recording.of(client)] == [2, 3, 4, 5]


def test_shows_datagrams(family: Family) -> None:
    with (
        record() as recording,
        socket.socket(family.family, socket.SOCK_DGRAM) as receiver,
        socket.socket(family.family, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind((family.host, 0))
        address = receiver.getsockname()
        sender.sendto(b"hi", address)
        receiver.recvfrom(100)
        sender.connect(address)
        sender.send(b"")
        receiver.recv(100)
    assert lines(recording)[4:-2] == [
        "datagram socket 2: sendto(b'hi', datagram socket 1's address) -> 2 bytes",
        "datagram socket 1: recvfrom(100) -> 2 bytes from datagram socket 2's address",
        "datagram socket 2: connect(datagram socket 1's address)",
        "datagram socket 2: send(b'') -> 0 bytes",
        "datagram socket 1: recv(100) -> 0 bytes",
    ]


def test_shows_errors_by_errno_name(listener: socket.socket, family: Family) -> None:
    address = listener.getsockname()
    with record() as recording:
        with socket.socket(family.family) as second, pytest.raises(OSError, match="in use"):
            second.bind(address)
        with socket.socket(family.family) as unused:
            unused.bind((family.host, 0))
            unused_address = unused.getsockname()
        with socket.socket(family.family) as client:
            client.setblocking(False)
            with pytest.raises(OSError, match="not connected"):
                client.getpeername()
            client.setblocking(True)
            with pytest.raises(ConnectionRefusedError):
                client.connect(unused_address)
        listener.settimeout(0.01)
        with pytest.raises(TimeoutError):
            listener.accept()
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
        with pytest.raises(TypeError):
            listener.listen("many")  # type: ignore[arg-type]  # the mistake is the point
        with pytest.raises(OSError, match="Bad file descriptor"):
            client.send(b"too late")
    shown = [line.split(" !! ") for line in lines(recording) if " !! " in line]
    assert shown == [
        ["socket 1: bind(the listener's address)", "EADDRINUSE"],
        ["client 1: getpeername()", "ENOTCONN"],
        ["client 1: connect(socket 2's address)", "ECONNREFUSED"],
        ["listener: accept()", "timed out"],
        ["listener: accept()", "EAGAIN"],
        ["listener: listen('many')", "TypeError"],
        ["client 1: send(b'too late')", "EBADF"],
    ]


def test_shows_all_kinds_of_results(listener: socket.socket) -> None:
    with record() as recording, socket.socket(listener.family) as client:
        client.connect_ex(listener.getsockname())
        connection, _ = listener.accept()
        with connection:
            connection.sendmsg([b"one", b"two"])
            client.recv_into(bytearray(4))
            client.recvmsg(100)
            client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            connection.dup().close()
            client.getpeername()
            client.settimeout(1 / 3)
    shown = [line for line in lines(recording) if "close" not in line][3:]
    assert (
        shown
        == [
            "client 1: connect_ex(the listener's address) -> 0",
            "listener: accept() -> connection 1 from client 1's address",
            "connection 1: sendmsg(b'onetwo') -> 6 bytes",
            "client 1: recv_into(a buffer of 4 bytes) -> 4 bytes",
            "client 1: recvmsg(100) -> 2 bytes",
            "client 1: getsockopt(SOL_SOCKET, SO_ERROR) -> 0",
            "client 1: getsockopt(IPPROTO_TCP, TCP_NODELAY) -> 0",
            "connection 1: dup() -> connection 1",
            "client 1: getpeername() -> the listener's address",
            "client 1: settimeout(some seconds)",
        ][-len(shown) :]
    )


def test_shows_the_same_on_every_run(family: Family) -> None:
    def session() -> str:
        with (
            record() as recording,
            socket.create_server((family.host, 0), family=family.family) as server,
        ):
            for _ in range(3):
                with connect(server) as client:
                    connection, _ = server.accept()
                    connection.close()
                    client.recv(1)
        return str(recording) + recording._repr_html_()

    assert len({session() for _ in range(5)}) == 1


def test_leaves_out_the_parts_of_a_call(listener: socket.socket) -> None:
    with record() as recording, connect(listener) as client:
        before = len(recording)
        connection, _ = listener.accept()
        repr(client)
        connection.close()
    assert [call.name for call in recording][before:] == ["accept", "close", "close"]


def test_has_calls_of_the_create_functions(family: Family) -> None:
    with (
        record() as recording,
        socket.create_server((family.host, 0), family=family.family) as server,
    ):
        connect(server).close()
    made = [call.name for call in recording if call.name not in ("setsockopt", "getsockname")]
    assert made == ["socket", "bind", "listen", "socket", "connect", "close", "close"]


def test_shows_threads_separately(listener: socket.socket) -> None:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(10))

    with record() as recording:
        for name in ("server", None):
            thread = threading.Thread(target=serve, name=name)
            thread.start()
            with connect(listener) as client:
                client.sendall(b"hello")
                client.recv(10)
            thread.join()
    assert recording.threads == ("notebook", "server", "thread 1")
    text = lines(recording)
    assert text[text.index("server:") :] == [
        "server:",
        "  listener: accept() -> connection 1 from client 1's address",
        "  connection 1: recv(10) -> 5 bytes",
        "  connection 1: sendall(b'hello')",
        "  connection 1: close()",
        "thread 1:",
        "  listener: accept() -> connection 2 from client 2's address",
        "  connection 2: recv(10) -> 5 bytes",
        "  connection 2: sendall(b'hello')",
        "  connection 2: close()",
    ]


def test_has_asyncio_without_its_self_pipe(family: Family) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        writer.close()
        await writer.wait_closed()

    async def session() -> None:
        async with await asyncio.start_server(echo, family.host, 0) as server:
            address = server.sockets[0].getsockname()[:2]
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"hello")
            await asyncio.to_thread(int)  # ends by waking the loop through its self-pipe
            assert await reader.read(100) == b"hello"
            writer.close()
            await writer.wait_closed()

    with record() as recording:
        asyncio.run(session())
    assert recording.lanes() == ("client 1", "listener", "connection 1")
    assert recording.threads == ("notebook",)
    assert "connection 1: recv(262144) -> 5 bytes" in lines(recording)
    assert "client 1: connect(the listener's address) !! EINPROGRESS" in lines(recording)


def test_knows_sockets_from_an_earlier_recording(listener: socket.socket) -> None:
    with (
        record(),
        connect(listener) as first,
        connect(listener) as second,
    ):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        connection, _ = listener.accept()
        with connection, record() as inner:
            connection.send(b"x")
            first.recv(1)
    with connection, record() as later, pytest.raises(OSError, match="Bad file"):
        second.send(b"x")
    assert [call.role for call in inner] == ["connection 1", "client 1"]
    assert [call.role for call in later] == ["client 2"]


def test_says_so_when_nothing_was_called() -> None:
    with record() as recording:
        pass
    assert str(recording) == repr(recording) == "no calls"
    assert (len(recording), recording.lanes(), recording.threads) == (0, (), ())


def test_shows_a_table(listener: socket.socket) -> None:
    with record() as recording, pytest.raises(TypeError):
        listener.listen("<b>")  # type: ignore[arg-type]  # the mistake is the point
    table = recording._repr_html_()
    assert "<td>listener</td><td>listen(&#x27;&lt;b&gt;&#x27;)</td><td>!! TypeError</td>" in table


def test_makes_calls_again_only_after_news(listener: socket.socket) -> None:
    with record() as recording:
        listener.getsockname()
        first = recording.calls
        assert recording.calls is first
        listener.settimeout(None)
        assert [call.name for call in recording] == ["getsockname", "settimeout"]
    recording.roles.rename("listener", "front desk")
    assert [call.role for call in recording] == ["front desk"] * 2
    assert first[0].role == "listener"


def test_length_counts_calls_while_it_runs(listener: socket.socket) -> None:
    with record() as outer:
        listener.getsockname()
        with record() as inner:
            listener.settimeout(None)
            assert (len(outer), len(inner)) == (len(outer.calls), len(inner.calls)) == (2, 1)
    assert (len(outer), len(inner)) == (2, 1)
