"""Chapter 01: classify the live sockets of a snapshot.

The learner writes `classify(rows) -> list[str]`: for each row of a snapshot, in its order, one of
"listener", "client", "connection" (what accept() gives, or will give) and "datagram". The rows say
what the kernel knows of a socket: protocol, state, local endpoint, peer endpoint. They do not say
who called connect() and who accept(): a connection is told from a client by the endpoint that it
shares with its listener. Every scene is made of real sockets, connected when the check runs.
"""

import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from sockets_lab.addresses import Endpoint, endpoint_of, ipv6_works, loopback
from sockets_lab.exercises.harness.runner import (
    Failed,
    NotAvailable,
    NotStarted,
    Report,
    Sandbox,
    behaviour,
    run,
)
from sockets_lab.exercises.harness.snapshots import LiveSocket, live_sockets
from sockets_lab.kernel import state_of

__all__ = ["check_classify"]

_KINDS = ("listener", "client", "connection", "datagram")

_DRAWS = 20  # port numbers tried until one is free everywhere it is needed


def check_classify(classify: Callable[[list[LiveSocket]], list[str]]) -> Report:
    """Try `classify` on snapshots of real sockets; return what each showed."""
    return run("classify", _BEHAVIOURS, classify, over_ipv6=_OVER_IPV6)


class _Server:
    """Real sockets, each with the word that a right answer has for it."""

    def __init__(self, bench: Sandbox) -> None:
        self.bench = bench
        self.rows: list[LiveSocket] = []
        self.words: list[str] = []

    def add(self, word: str, *rows: LiveSocket) -> None:
        """Put `rows` into the snapshot, each of them a `word`."""
        self.rows += rows
        self.words += [word] * len(rows)

    def connect(self, listener: socket.socket, client: socket.socket) -> socket.socket:
        """Connect `client` to `listener`; return the accepted connection."""
        client.connect(listener.getsockname())
        return self.bench.keep(listener.accept()[0])

    def meet(self, listener: socket.socket, *clients: socket.socket) -> None:
        """Connect `clients`, and put them, the listener and its connections into the snapshot."""
        connections = [self.connect(listener, client) for client in clients]
        self.add("listener", *live_sockets(listener))
        self.add("client", *live_sockets(*clients))
        self.add("connection", *live_sockets(*connections))

    def judge(self) -> None:
        """Ask the learner's function, and compare row by row."""
        answer = _asked(self.bench, self.rows)
        names = _names(self.words)
        wrong = [
            f"{name} taken for {given!r}"
            for name, word, given in zip(names, self.words, answer, strict=True)
            if word != given
        ]
        if wrong:
            raise Failed("; ".join(wrong), expected=", ".join(names))


def _asked(bench: Sandbox, rows: Sequence[LiveSocket]) -> list[Any]:
    trial = bench.start(list(rows))
    given = trial.result()
    if trial.gave_nothing:
        raise NotStarted
    if not isinstance(given, list | tuple):
        hint = 'give back a list of words, in the order of the rows: ["listener", "client", ...]'
        raise Failed(f"gave back {type(given).__name__}", hint)
    if len(given) != len(rows):
        hint = "every row needs one word: whatever its state, and also when two share an endpoint"
        raise Failed(f"{len(given)} words for {len(rows)} rows", hint)
    strange = [word for word in given if word not in _KINDS]
    if strange:
        raise Failed(f"the word {strange[0]!r}", f"the words are {', '.join(_KINDS)}")
    return list(given)


def _names(words: Sequence[str]) -> list[str]:
    """Number what stands more than once: listener, client 1, client 2..."""
    total, seen = Counter(words), Counter[str]()
    names = []
    for word in words:
        seen[word] += 1
        names.append(f"{word} {seen[word]}" if total[word] > 1 else word)
    return names


@behaviour(
    "tells a listener, its clients and its connections apart",
    expected="listener, client 1, client 2, connection 1, connection 2",
    hint=(
        "a client and its connection are both ESTABLISHED; only the connection has its local "
        "endpoint in common with the listener"
    ),
)
def _two_clients(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.meet(bench.listener(), bench.new_socket(), bench.new_socket())
    scene.judge()


@behaviour(
    "does so in any order of the rows",
    expected="the same words, with the listener in the last row",
    hint="a snapshot has no order: find all listeners first, then go through the rows again",
)
def _listener_last(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.meet(bench.listener(), bench.new_socket(), bench.new_socket())
    order = (2, 3, 1, 4, 0)  # a client first, a connection before its client, the listener last
    scene.rows = [scene.rows[at] for at in order]
    scene.words = [scene.words[at] for at in order]
    scene.judge()


@behaviour(
    "knows a connection that nobody has accepted yet",
    expected="connection, although its client is the only socket with a descriptor",
    hint="the kernel makes the connection, accept() only hands it over: the endpoints tell it",
)
def _not_accepted(bench: Sandbox) -> None:
    scene = _Server(bench)
    listener = bench.listener()
    (client,) = live_sockets(bench.client(listener))
    scene.add("listener", *live_sockets(listener))
    scene.add("client", client)
    # Nobody holds a descriptor of the other end yet; the kernel lists it all the same, mirrored.
    scene.add("connection", LiveSocket("tcp", "ESTABLISHED", _listener_end(client), client.local))
    scene.judge()


def _listener_end(client: LiveSocket) -> Endpoint:
    """Return the endpoint that `client` is connected to."""
    if client.peer is None:
        raise ValueError(f"{client!r} is not connected")
    return client.peer


@behaviour(
    "knows both ends while they close",
    expected="client and connection, also in FIN_WAIT_2 and CLOSE_WAIT",
    hint="the state says how far a conversation is, not who began it: only LISTEN tells a part",
)
def _half_closed(bench: Sandbox) -> None:
    scene = _Server(bench)
    listener, client = bench.listener(), bench.new_socket()
    connection = scene.connect(listener, client)
    client.shutdown(socket.SHUT_WR)
    connection.recv(1)  # returns when the client's end of stream is here
    scene.add("listener", *live_sockets(listener))
    scene.add("client", *live_sockets(client))
    scene.add("connection", *live_sockets(connection))
    scene.judge()


@behaviour(
    "knows a client that has no answer yet",
    expected="client, also in SYN_SENT",
    hint=(
        "the state says how far a conversation is, not who began it: a socket that is still "
        "connecting is a client already"
    ),
    needs="linux",
)
def _still_connecting(bench: Sandbox) -> None:
    scene = _Server(bench)
    listener = bench.listener(backlog=0)
    waiting = bench.client(listener)  # fills the queue of one
    knocking = bench.new_socket()
    knocking.setblocking(False)
    knocking.connect_ex(listener.getsockname())
    scene.add("listener", *live_sockets(listener))
    scene.add("client", *live_sockets(waiting), _knocking_row(knocking, listener))
    scene.judge()


def _knocking_row(client: socket.socket, listener: socket.socket) -> LiveSocket:
    """Return the row of a client without an answer: getpeername() does not know its peer yet."""
    peer = endpoint_of(listener.getsockname())
    return LiveSocket("tcp", state_of(client), endpoint_of(client.getsockname()), peer)


@behaviour(
    "knows a client whose server is not in the snapshot",
    expected="client, although its peer is in no other row",
    hint=(
        "the other end may belong to another process or machine: look at the socket's own local "
        "endpoint, not at its peer"
    ),
)
def _server_elsewhere(bench: Sandbox) -> None:
    scene = _Server(bench)
    listener, other = bench.listener(), bench.listener()
    scene.meet(listener, bench.new_socket())
    outgoing = bench.new_socket()
    scene.connect(other, outgoing)  # the far end and its listener are not in the snapshot
    scene.add("client", *live_sockets(outgoing))
    scene.judge()


@behaviour(
    "keeps UDP out of it",
    expected="datagram, with and without a peer, also on the listener's endpoint",
    hint=(
        "the protocol belongs to the identity of an endpoint: a UDP socket can have the same "
        "address and port as a TCP listener, and even a peer"
    ),
)
def _udp_beside_tcp(bench: Sandbox) -> None:
    scene = _Server(bench)
    listener, beside = _same_port(
        bench, (bench.family, bench.host, "tcp"), (bench.family, bench.host, "udp")
    )
    listener.listen()
    talking = bench.new_socket(socket.SOCK_DGRAM)
    talking.connect(beside.getsockname())  # a UDP socket with a peer: still no connection
    scene.meet(listener, bench.new_socket())
    scene.add("datagram", *live_sockets(beside, talking))
    scene.judge()


@behaviour(
    "compares whole endpoints",
    expected="client, although its port number is that of a listener at another address",
    hint=(
        "an endpoint is an address and a port: the same number at another address is another "
        "endpoint"
    ),
)
def _one_number_two_hosts(bench: Sandbox) -> None:
    scene = _Server(bench)
    family, host = _another_host(bench.family)
    listener, client = _same_port(bench, (bench.family, bench.host, "tcp"), (family, host, "tcp"))
    listener.listen()
    other = bench.keep(socket.create_server((loopback(family), 0), family=family))
    scene.meet(listener, bench.new_socket())
    scene.meet(other, client)
    scene.judge()


@behaviour(
    "knows two listeners that share one endpoint",
    expected="listener 1, listener 2, client, connection",
    hint=(
        "an endpoint does not identify a socket: two listeners and all their connections can "
        "have the same one, so do not use it as a key for one socket"
    ),
)
def _shared_listener(bench: Sandbox) -> None:
    if not hasattr(socket, "SO_REUSEPORT"):
        raise NotAvailable("this system has no SO_REUSEPORT")
    scene = _Server(bench)
    first, second = bench.new_socket(), bench.new_socket()
    for listener in (first, second):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((bench.host, 0) if listener is first else first.getsockname())
        listener.listen()
    (client,) = live_sockets(bench.client(first))
    scene.add("listener", *live_sockets(first, second))
    scene.add("client", client)
    scene.add("connection", LiveSocket("tcp", "ESTABLISHED", _listener_end(client), client.local))
    scene.judge()


def _another_host(family: socket.AddressFamily) -> tuple[socket.AddressFamily, str]:
    """Return a family and a loopback address that is not the one of `family`."""
    if family == socket.AF_INET6:
        return socket.AF_INET, "127.0.0.1"
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.2", 0))
        except OSError:  # macOS has 127.0.0.1 only
            if not ipv6_works():
                raise NotAvailable("this machine has one loopback address only") from None
            return socket.AF_INET6, "::1"
    return socket.AF_INET, "127.0.0.2"


def _same_port(
    bench: Sandbox, *places: tuple[socket.AddressFamily, str, str]
) -> list[socket.socket]:
    """Return sockets bound to one port number at several (family, host, protocol)."""
    for _ in range(_DRAWS):
        sockets: list[socket.socket] = []
        for family, host, protocol in places:
            kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
            sock = bench.new_socket(kind, family)
            try:
                sock.bind((host, sockets[0].getsockname()[1] if sockets else 0))
            except OSError:  # EADDRINUSE: this number is taken at that place, draw another
                break
            sockets.append(sock)
        else:
            return sockets
    raise NotAvailable("no port number is free for both sockets")


_BEHAVIOURS = (
    _two_clients,
    _listener_last,
    _not_accepted,
    _half_closed,
    _still_connecting,
    _server_elsewhere,
    _udp_beside_tcp,
    _one_number_two_hosts,
    _shared_listener,
)

_OVER_IPV6 = "an IPv6 endpoint is compared as any other: keep it whole, do not take its text apart"
