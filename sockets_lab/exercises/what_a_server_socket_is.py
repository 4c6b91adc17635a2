"""Chapter 01: classify the live sockets of a snapshot.

The learner writes `classify(rows) -> list[str]`: for each row of a snapshot, in its order, one of
"listener", "client", "connection" (what accept() gives, or will give) and "datagram". The rows say
what the kernel knows of a socket: protocol, state, local endpoint, peer endpoint. They do not say
who called connect() and who accept(): a connection differs from a client by the endpoint that it
shares with its listener. Every snapshot is of real sockets, connected when the check runs.
"""

import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from sockets_lab.addresses import Endpoint, endpoint_of, ipv6_works, loopback
from sockets_lab.capabilities import Unavailable
from sockets_lab.exercises.harness.runner import Behaviours, Failed, NotStarted, Report, Sandbox
from sockets_lab.exercises.harness.snapshots import LiveSocket, live_sockets
from sockets_lab.kernel import state_of

__all__ = ["check_classify"]

_KINDS = ("listener", "client", "connection", "datagram")

_DRAWS = 20  # port numbers tried until one is free everywhere it is needed


behaviours = Behaviours(
    "classify",
    over_ipv6="compare an IPv6 endpoint like any other: keep it whole, do not split its text",
)


def check_classify(classify: Callable[[list[LiveSocket]], list[str]]) -> Report:
    """Try `classify` on snapshots of real sockets; return what each showed."""
    return behaviours.check(classify)


class _Snapshot:
    """Rows of real sockets, each with the word that a right answer has for it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.rows: list[LiveSocket] = []
        self.words: list[str] = []

    def add(self, word: str, *rows: LiveSocket) -> None:
        """Add `rows` to the snapshot, each of them a `word`."""
        self.rows += rows
        self.words += [word] * len(rows)

    def connect(self, listener: socket.socket, client: socket.socket) -> socket.socket:
        """Connect `client` to `listener`; return the accepted connection."""
        client.connect(listener.getsockname())
        return self.sandbox.keep(listener.accept()[0])

    def serve(self, listener: socket.socket, *clients: socket.socket) -> None:
        """Connect `clients`; add them, the listener and its connections to the snapshot."""
        connections = [self.connect(listener, client) for client in clients]
        self.add("listener", *live_sockets(listener))
        self.add("client", *live_sockets(*clients))
        self.add("connection", *live_sockets(*connections))

    def check(self) -> None:
        """Compare what the learner's function returns, row by row."""
        answer = _classified(self.sandbox, self.rows)
        names = _names(self.words)
        wrong = [
            f"{name} is called {given!r}"
            for name, word, given in zip(names, self.words, answer, strict=True)
            if word != given
        ]
        if wrong:
            raise Failed("; ".join(wrong), expected=", ".join(names))


def _classified(sandbox: Sandbox, rows: Sequence[LiveSocket]) -> list[Any]:
    trial = sandbox.start(list(rows))
    given = trial.result()
    if trial.gave_nothing:
        raise NotStarted
    if not isinstance(given, list | tuple):
        hint = 'return a list of words, in the order of the rows: ["listener", "client", ...]'
        raise Failed(f"returned {type(given).__name__}", hint)
    if len(given) != len(rows):
        hint = "every row needs one word, in every state, and also when two share an endpoint"
        raise Failed(f"{len(given)} words for {len(rows)} rows", hint)
    strange = [word for word in given if word not in _KINDS]
    if strange:
        raise Failed(f"the word {strange[0]!r}", f"the words are {', '.join(_KINDS)}")
    return list(given)


def _names(words: Sequence[str]) -> list[str]:
    """Add numbers to words that occur more than once: listener, client 1, client 2..."""
    total, seen = Counter(words), Counter[str]()
    names = []
    for word in words:
        seen[word] += 1
        names.append(f"{word} {seen[word]}" if total[word] > 1 else word)
    return names


@behaviours(
    "distinguishes a listener, its clients and its connections",
    expected="listener, client 1, client 2, connection 1, connection 2",
    hint=(
        "a client and its connection are both ESTABLISHED; only the connection shares its local "
        "endpoint with the listener"
    ),
)
def _two_clients(sandbox: Sandbox) -> None:
    snapshot = _Snapshot(sandbox)
    snapshot.serve(sandbox.listener(), sandbox.new_socket(), sandbox.new_socket())
    snapshot.check()


@behaviours(
    "does so in any order of the rows",
    expected="the same words, with the listener in the last row",
    hint="the rows come in any order: find all listeners first, then go through the rows again",
)
def _listener_last(sandbox: Sandbox) -> None:
    snapshot = _Snapshot(sandbox)
    snapshot.serve(sandbox.listener(), sandbox.new_socket(), sandbox.new_socket())
    order = (2, 3, 1, 4, 0)  # a client first, a connection before its client, the listener last
    snapshot.rows = [snapshot.rows[at] for at in order]
    snapshot.words = [snapshot.words[at] for at in order]
    snapshot.check()


@behaviours(
    "recognises a connection that is not accepted yet",
    expected="connection, although its client is the only socket with a descriptor",
    hint="the kernel makes the connection, accept() only returns it: compare the endpoints",
)
def _not_accepted(sandbox: Sandbox) -> None:
    snapshot = _Snapshot(sandbox)
    listener = sandbox.listener()
    (client,) = live_sockets(sandbox.client(listener))
    snapshot.add("listener", *live_sockets(listener))
    snapshot.add("client", client)
    # No process has a descriptor of the other end yet; the kernel lists it anyway, mirrored.
    snapshot.add(
        "connection", LiveSocket("tcp", "ESTABLISHED", _listener_end(client), client.local)
    )
    snapshot.check()


def _listener_end(client: LiveSocket) -> Endpoint:
    """Return the endpoint that `client` is connected to."""
    if client.peer is None:
        raise ValueError(f"{client!r} is not connected")
    return client.peer


@behaviours(
    "recognises both ends while they close",
    expected="client and connection, also in FIN_WAIT_2 and CLOSE_WAIT",
    hint="the state says how far a connection is, not who opened it: only LISTEN says what a "
    "socket is",
)
def _half_closed(sandbox: Sandbox) -> None:
    snapshot = _Snapshot(sandbox)
    listener, client = sandbox.listener(), sandbox.new_socket()
    connection = snapshot.connect(listener, client)
    client.shutdown(socket.SHUT_WR)
    connection.recv(1)  # returns when the client's end of stream is here
    snapshot.add("listener", *live_sockets(listener))
    snapshot.add("client", *live_sockets(client))
    snapshot.add("connection", *live_sockets(connection))
    snapshot.check()


@behaviours(
    "recognises a client that has no answer yet",
    expected="client, also in SYN_SENT",
    hint=(
        "the state says how far a connection is, not who opened it: a socket that is still "
        "connecting is already a client"
    ),
    needs="linux",
)
def _still_connecting(sandbox: Sandbox) -> None:
    snapshot = _Snapshot(sandbox)
    listener = sandbox.listener(backlog=0)
    waiting = sandbox.client(listener)  # fills the queue of one
    connecting = sandbox.new_socket()
    connecting.setblocking(False)
    connecting.connect_ex(listener.getsockname())
    snapshot.add("listener", *live_sockets(listener))
    snapshot.add("client", *live_sockets(waiting), _connecting_row(connecting, listener))
    snapshot.check()


def _connecting_row(client: socket.socket, listener: socket.socket) -> LiveSocket:
    """Return the row of a client without an answer: getpeername() has no peer yet."""
    peer = endpoint_of(listener.getsockname())
    return LiveSocket("tcp", state_of(client), endpoint_of(client.getsockname()), peer)


@behaviours(
    "recognises a client whose server is not in the snapshot",
    expected="client, although its peer is in no other row",
    hint=(
        "the other end may belong to another process or machine: look at the socket's local "
        "endpoint, not at its peer"
    ),
)
def _server_elsewhere(sandbox: Sandbox) -> None:
    snapshot = _Snapshot(sandbox)
    listener, other = sandbox.listener(), sandbox.listener()
    snapshot.serve(listener, sandbox.new_socket())
    outgoing = sandbox.new_socket()
    snapshot.connect(other, outgoing)  # the far end and its listener are not in the snapshot
    snapshot.add("client", *live_sockets(outgoing))
    snapshot.check()


@behaviours(
    "recognises UDP sockets",
    expected="datagram, with and without a peer, also on the listener's endpoint",
    hint=(
        "compare the protocol, too: a UDP socket can have the same address and port as a TCP "
        "listener, and even a peer"
    ),
)
def _udp_beside_tcp(sandbox: Sandbox) -> None:
    snapshot = _Snapshot(sandbox)
    listener, beside = _same_port(
        sandbox, (sandbox.family, sandbox.host, "tcp"), (sandbox.family, sandbox.host, "udp")
    )
    listener.listen()
    with_peer = sandbox.new_socket(socket.SOCK_DGRAM)
    with_peer.connect(beside.getsockname())  # a UDP socket with a peer: still no connection
    snapshot.serve(listener, sandbox.new_socket())
    snapshot.add("datagram", *live_sockets(beside, with_peer))
    snapshot.check()


@behaviours(
    "compares whole endpoints",
    expected="client, although a listener at another address has the same port number",
    hint=(
        "an endpoint is an address and a port: the same number at another address is another "
        "endpoint"
    ),
)
def _one_number_two_hosts(sandbox: Sandbox) -> None:
    snapshot = _Snapshot(sandbox)
    family, host = _another_host(sandbox.family)
    listener, client = _same_port(
        sandbox, (sandbox.family, sandbox.host, "tcp"), (family, host, "tcp")
    )
    listener.listen()
    other = sandbox.keep(socket.create_server((loopback(family), 0), family=family))
    snapshot.serve(listener, sandbox.new_socket())
    snapshot.serve(other, client)
    snapshot.check()


@behaviours(
    "recognises two listeners that share one endpoint",
    expected="listener 1, listener 2, client, connection",
    hint=(
        "an endpoint does not identify a socket: two listeners and all their connections can "
        "have the same one, so do not use it as a key for one socket"
    ),
)
def _shared_listener(sandbox: Sandbox) -> None:
    if not hasattr(socket, "SO_REUSEPORT"):
        raise Unavailable("this system has no SO_REUSEPORT")
    snapshot = _Snapshot(sandbox)
    first, second = sandbox.new_socket(), sandbox.new_socket()
    for listener in (first, second):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((sandbox.host, 0) if listener is first else first.getsockname())
        listener.listen()
    (client,) = live_sockets(sandbox.client(first))
    snapshot.add("listener", *live_sockets(first, second))
    snapshot.add("client", client)
    snapshot.add(
        "connection", LiveSocket("tcp", "ESTABLISHED", _listener_end(client), client.local)
    )
    snapshot.check()


def _another_host(family: socket.AddressFamily) -> tuple[socket.AddressFamily, str]:
    """Return a family and a loopback address that is not the one of `family`."""
    if family == socket.AF_INET6:
        return socket.AF_INET, "127.0.0.1"
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.2", 0))
        except OSError:  # macOS has 127.0.0.1 only
            if not ipv6_works():
                raise Unavailable("this machine has one loopback address only") from None
            return socket.AF_INET6, "::1"
    return socket.AF_INET, "127.0.0.2"


def _same_port(
    sandbox: Sandbox, *wanted: tuple[socket.AddressFamily, str, str]
) -> list[socket.socket]:
    """Return sockets bound to one port number at several (family, host, protocol)."""
    for _ in range(_DRAWS):
        sockets: list[socket.socket] = []
        for family, host, protocol in wanted:
            kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
            sock = sandbox.new_socket(kind, family)
            try:
                sock.bind((host, sockets[0].getsockname()[1] if sockets else 0))
            except OSError:  # EADDRINUSE: this number is taken there, draw another
                break
            sockets.append(sock)
        else:
            return sockets
    raise Unavailable("no port number is free for both sockets")
