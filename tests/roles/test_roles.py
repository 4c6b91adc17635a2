"""Roles name sockets by the part they play."""

import gc
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from sockets_lab import Endpoint, Roles
from tests.conftest import Family


class Pairs(NamedTuple):
    """A listener, and clients with the connections that belong to them."""

    listener: socket.socket
    clients: list[socket.socket]
    connections: list[socket.socket]


@pytest.fixture
def pairs(family: Family) -> Iterator[Pairs]:
    with ExitStack() as stack:
        listener = stack.enter_context(listen(family))
        clients = [stack.enter_context(connect(listener)) for _ in range(3)]
        accepted = [listener.accept() for _ in clients]
        for connection, _ in accepted:
            stack.enter_context(connection)
        by_peer = {address: connection for connection, address in accepted}
        yield Pairs(listener, clients, [by_peer[client.getsockname()] for client in clients])


def listen(family: Family, host: str | None = None) -> socket.socket:
    address = (family.host if host is None else host, 0)
    return socket.create_server(address, family=family.family)


def connect(listener: socket.socket) -> socket.socket:
    client = socket.socket(listener.family, socket.SOCK_STREAM)
    client.connect(listener.getsockname())
    return client


def test_names_by_what_the_kernel_says(pairs: Pairs) -> None:
    roles = Roles(pairs.listener, *pairs.clients, *pairs.connections)
    assert list(roles) == [
        *("listener", "client 1", "client 2", "client 3"),
        *("connection 1", "connection 2", "connection 3"),
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_connection_has_the_number_of_its_client(pairs: Pairs, order: tuple[int, ...]) -> None:
    roles = Roles(pairs.listener)
    clients = [roles.of(pairs.clients[at]) for at in order]
    connections = [roles.of(connection) for connection in pairs.connections]
    assert clients == ["client 1", "client 2", "client 3"]
    assert [connections[at] for at in order] == ["connection 1", "connection 2", "connection 3"]


def test_client_has_the_number_of_its_connection(pairs: Pairs) -> None:
    roles = Roles(pairs.listener, pairs.connections[1], pairs.connections[0])
    assert roles.of(pairs.clients[0]) == "client 2"
    assert roles.of(pairs.clients[1]) == "client 1"
    assert roles.of(pairs.clients[2]) == "client 3"


def test_distinguishes_ends_without_the_listener(pairs: Pairs) -> None:
    assert list(Roles(pairs.clients[0], pairs.connections[0])) == ["client 1", "connection 1"]
    assert list(Roles(pairs.connections[0], pairs.clients[0])) == ["connection 1", "client 1"]


def test_finds_the_listener_at_any_position(pairs: Pairs) -> None:
    roles = Roles(pairs.connections[0], pairs.clients[0], pairs.listener)
    assert set(roles) == {"connection 1", "client 1", "listener"}


def test_numbers_listeners_from_the_second_on(family: Family) -> None:
    with listen(family) as first, listen(family) as second:
        assert list(Roles(first, second)) == ["listener", "listener 2"]


def test_names_datagram_and_unknown_sockets(family: Family) -> None:
    with (
        socket.socket(family.family, socket.SOCK_DGRAM) as datagrams,
        socket.socket(family.family, socket.SOCK_STREAM) as fresh,
    ):
        assert list(Roles(datagrams, fresh)) == ["datagram socket 1", "socket 1"]


def test_takes_names_that_are_given(pairs: Pairs) -> None:
    roles = Roles(connection_2=pairs.connections[1], main_entry=pairs.listener)
    assert set(roles) == {"connection 2", "main entry"}
    assert roles.of(pairs.clients[1]) == "client 2"
    assert roles.of_endpoint(pairs.listener.getsockname()) == "main entry's address"


def test_renames(pairs: Pairs) -> None:
    roles = Roles(pairs.listener, pairs.clients[0])
    roles.rename("client 1", "browser")
    assert roles.of(pairs.clients[0]) == "browser"
    assert roles.of_endpoint(pairs.clients[0].getsockname()) == "browser's address"
    assert roles.now_called("client 1") == "browser"


def test_rejects_a_name_of_another_socket(pairs: Pairs) -> None:
    roles = Roles(pairs.listener, pairs.clients[0])
    with pytest.raises(ValueError, match="'listener' is the name of another socket: choose"):
        roles.add(pairs.clients[0], "listener")
    with pytest.raises(KeyError):
        roles.rename("client 9", "unknown")


def test_gives_a_name_once(pairs: Pairs) -> None:
    roles = Roles()
    assert roles.add(pairs.listener) == roles.add(pairs.listener) == "listener"
    assert len(roles) == 1
    assert "listener" in roles
    assert "client 1" not in roles


def test_names_addresses_in_roles(pairs: Pairs) -> None:
    roles = Roles(pairs.listener, pairs.clients[0])
    host, port = pairs.listener.getsockname()[:2]
    assert roles.of_endpoint(Endpoint(host, port)) == "the listener's address"
    assert roles.of_endpoint(pairs.connections[0].getpeername()) == "client 1's address"
    assert roles.of_endpoint((host, 0)) == f"{host}, port 0"
    assert roles.of_endpoint((host, 443)) == f"{host}, port 443"
    assert roles.of_endpoint(pairs.clients[1].getsockname()) == f"{host}, some port"
    assert roles.of_endpoint("/run/some.sock") == "an address"


def test_finds_a_wildcard_listener_by_any_address(family: Family) -> None:
    with listen(family, host="") as listener:
        port = listener.getsockname()[1]
        roles = Roles(listener)
        assert roles.of_endpoint((family.host, port)) == "the listener's address"


def test_separates_datagrams_and_streams(family: Family) -> None:
    with listen(family) as listener, socket.socket(family.family, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(listener.getsockname())  # the same pair, another protocol
        roles = Roles(listener, datagrams)
        address = listener.getsockname()
        assert roles.of_endpoint(address) == "the listener's address"
        assert roles.of_endpoint(address, "datagram") == "datagram socket 1's address"


def test_finds_an_ipv4_client_of_dual_stack() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this system has no dual-stack sockets")
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            connection, _ = listener.accept()
            with connection:
                roles = Roles(listener, client, connection)
                assert list(roles) == ["listener", "client 1", "connection 1"]
                assert roles.of_endpoint(client.getpeername()) == "the listener's address"


def test_remembers_closed_sockets(pairs: Pairs) -> None:
    roles = Roles(pairs.listener, pairs.clients[0])
    address = pairs.clients[0].getsockname()
    pairs.clients[0].close()
    assert roles.of(pairs.clients[0]) == "client 1"
    assert roles.of_endpoint(address) == "client 1's address"
    known = roles.remembered("client 1")
    assert (known.local, known.socket) == (address[:2], pairs.clients[0])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_does_not_keep_sockets_alive(family: Family) -> None:
    roles = Roles()
    roles.add(listen(family))
    gc.collect()
    assert roles.remembered("listener").socket is None
    with listen(family) as another:  # may have the same id()
        assert roles.of(another) == "listener 2"


def test_role_follows_what_a_socket_does(family: Family) -> None:
    roles = Roles()
    with (
        socket.socket(family.family, socket.SOCK_STREAM) as first,
        socket.socket(family.family, socket.SOCK_STREAM) as second,
    ):
        assert (roles.of(first), roles.of(second)) == ("socket 1", "socket 2")
        first.bind((family.host, 0))
        first.listen()
        roles.listening(first)
        second.connect(first.getsockname())
        roles.connecting(second)
        connection, peer = first.accept()
        with connection:
            assert roles.accepted(connection, peer).role == "connection 1"
        assert list(roles) == ["listener", "client 1", "connection 1"]
        assert roles.now_called("socket 2") == "client 1"


def test_pairs_an_accept_faster_than_connect(family: Family) -> None:
    roles = Roles()
    with listen(family) as listener, socket.socket(family.family) as client:
        roles.add(listener)
        roles.connecting(client)  # its endpoint is not known yet
        client.connect(listener.getsockname())
        connection, peer = listener.accept()
        with connection:
            known = roles.accepted(connection, peer)
            assert known.other is roles.find(client)


def test_names_far_ends_that_it_has_not_seen(pairs: Pairs) -> None:
    roles = Roles(pairs.connections[0])
    assert list(roles) == ["connection 1"]
    assert roles.of_endpoint(pairs.clients[0].getsockname()) == "client 1's address"
    roles = Roles()
    roles.connecting(pairs.clients[0])
    assert list(roles) == ["client 1"]
    assert roles.of_endpoint(pairs.listener.getsockname()) == "the listener's address"
    assert roles.of(pairs.listener) == "listener"


def test_names_connections_before_accept(pairs: Pairs) -> None:
    roles = Roles(pairs.listener, pairs.clients[2], pairs.clients[0])
    assert roles.connection_of(pairs.clients[0].getsockname()) == "connection 2"
    assert roles.connection_of(pairs.clients[1].getsockname()) == "connection 3"
    assert roles.of(pairs.connections[0]) == "connection 2"
    assert roles.of(pairs.connections[1]) == "connection 3"


def test_threads_may_name_at_the_same_time(pairs: Pairs) -> None:
    roles = Roles(pairs.listener)
    sockets = [*pairs.clients, *pairs.connections] * 20
    threads = [threading.Thread(target=roles.of, args=(sock,)) for sock in sockets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(roles) == sorted(
        ["listener", *(f"{part} {n}" for part in ("client", "connection") for n in (1, 2, 3))]
    )
    for client, connection in zip(pairs.clients, pairs.connections, strict=True):
        assert roles.of(client).split()[1] == roles.of(connection).split()[1]


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no unix sockets")
def test_pairs_unix_sockets_in_order(tmp_path: Path) -> None:
    roles, path = Roles(), str(tmp_path / "unix_socket")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen()
        client.connect(path)
        roles.listening(listener)
        roles.connecting(client)
        connection, address = listener.accept()
        with connection:
            roles.accepted(connection, address)
    assert list(roles) == ["listener", "client 1", "connection 1"]
    assert roles.of_endpoint(path) == "an address"


def test_text_holds_no_port(pairs: Pairs) -> None:
    roles = Roles(pairs.listener, pairs.clients[0])
    assert repr(roles) == "Roles(listener, client 1)"
    assert repr(roles.remembered("client 1")) == "<Remembered client 1>"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets two clients bind one endpoint")
def test_separates_clients_that_share_an_endpoint() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
        socket.socket() as client,
        socket.socket() as twin,
    ):
        for sock in (client, twin):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(("127.0.0.1", 0))
        client.connect(first.getsockname())
        twin.bind(client.getsockname())
        twin.connect(second.getsockname())
        roles = Roles(first, second, client, twin)
        for listener, name in ((second, "connection 2"), (first, "connection 1")):
            connection, peer = listener.accept()
            with connection:
                assert roles.connection_of(peer, connection.getsockname()) == name
                assert roles.of(connection) == name
