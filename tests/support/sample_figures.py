"""Sample records: calls, histories and snapshots as recording, watching and looking give them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sockets_lab.addresses import Endpoint
from sockets_lab.capabilities import Capability
from sockets_lab.figures import (
    Picture,
    boundaries,
    buffers_over_time,
    call_sequence,
    capabilities_board,
    completed_by_backlog,
    endpoint_graph,
    lab_map,
    queue_over_time,
    states_over_time,
)
from sockets_lab.kernel import History, Sample, Snapshot, SocketView
from sockets_lab.recording import Call
from tests.support.sample_captures import a_long_transfer, closed, knocking, one_segment, refused
from tests.support.sample_figures_addresses import ADDRESS_PICTURES
from tests.support.sample_figures_load import LOAD_PICTURES
from tests.support.sample_figures_servers import SERVER_PICTURES
from tests.support.sample_figures_tls import TLS_PICTURES
from tests.support.sample_outcomes import closing, long_name, nine_clients, of_one, seventy, waiting

SERVER = Endpoint("127.0.0.1", 54321)


class Notebook:
    """Calls noted one after another, each with the kernel's states after it."""

    def __init__(self, **states: str) -> None:
        self.calls: list[Call] = []
        self.states: dict[str, str] = {}
        self.now_s = 0.0

    def note(self, role: str, name: str, arguments: str = "", **more: Any) -> None:
        self.states |= more.pop("kernel", {})
        self.now_s = more.pop("at_s", self.now_s + 0.001)
        more = {"waited_s": 0.0001, "started_s": self.now_s} | more
        states = dict(self.states) or None
        call = Call(len(self.calls) + 1, role, name, arguments, **more, states=states)
        self.calls.append(call)
        self.now_s = call.ended_s


def echo(*, states: bool = True) -> list[Call]:
    """Return calls: one client gets its reply and both ends close."""
    book = Notebook()
    kernel = (lambda **now: {"kernel": _spaced(now)}) if states else (lambda **now: {})
    five = {"nbytes": 5}
    book.note("listener", "socket", "AF_INET, SOCK_STREAM", **kernel(listener="CLOSED"))
    book.note("listener", "bind", "127.0.0.1, port 0")
    book.note("listener", "listen", "5", **kernel(listener="LISTEN"))
    book.note("client 1", "socket", "AF_INET, SOCK_STREAM", **kernel(client_1="CLOSED"))
    both = kernel(client_1="ESTABLISHED", connection_1="ESTABLISHED")
    book.note("client 1", "connect", "the listener's address", **both)
    book.note("client 1", "sendall", "b'hello'", **five)
    book.note("listener", "accept", result="connection 1 from client 1's address")
    book.note("connection 1", "recv", "1024", result="5 bytes", **five)
    book.note("connection 1", "sendall", "b'HELLO'", **five)
    book.note("client 1", "recv", "1024", result="5 bytes", **five)
    book.note("client 1", "close", **kernel(client_1="FIN_WAIT_2", connection_1="CLOSE_WAIT"))
    book.note("connection 1", "recv", "1024", result="0 bytes, the end", nbytes=0)
    book.note("connection 1", "close", **kernel(client_1="TIME_WAIT", connection_1="CLOSED"))
    book.note("listener", "close", **kernel(listener="CLOSED"))
    return book.calls


def _spaced(states: Mapping[str, str]) -> dict[str, str]:
    return {role.replace("_", " "): state for role, state in states.items()}


def two_threads() -> list[Call]:
    """Return calls: a server thread waits in accept() and recv() for the notebook."""
    book, server = Notebook(), {"thread": "server"}
    accepted = {"result": "connection 1 from client 1's address"}
    book.note("listener", "accept", at_s=0.0, waited_s=0.0105, **accepted, **server)
    book.note("client 1", "connect", "the listener's address", at_s=0.01)
    book.note(
        "connection 1", "recv", "9", at_s=0.011, waited_s=0.01, result="2 bytes", nbytes=2, **server
    )
    book.note("client 1", "sendall", "b'hi'", at_s=0.02, nbytes=2)
    book.note("connection 1", "sendall", "b'hi'", at_s=0.0215, nbytes=2, **server)
    book.note("client 1", "recv", "9", at_s=0.0201, waited_s=0.002, result="2 bytes", nbytes=2)
    book.note("listener", "accept", at_s=0.03, finished=False, **server)
    return book.calls


def four_clients() -> list[Call]:
    """Return calls: four clients, a backlog of 1; two get in, two time out."""
    book = Notebook()
    book.note("listener", "listen", "1", kernel={"listener": "LISTEN"})
    for at in (1, 2):
        states = {f"client {at}": "ESTABLISHED", f"connection {at}": "ESTABLISHED"}
        book.note(f"client {at}", "connect", "the listener's address", kernel=states)
    for at in (3, 4):
        late = {"error": "timed out", "waited_s": 0.2, "kernel": {f"client {at}": "SYN_SENT"}}
        book.note(f"client {at}", "connect", "the listener's address", **late)
    book.note("listener", "accept", result="connection 1 from client 1's address")
    return book.calls


def mishaps() -> list[Call]:
    """Return calls that fail, and a reset: the connection closes with bytes unread."""
    book = Notebook()
    book.note("listener 2", "bind", "the listener's address", error="EADDRINUSE")
    book.note("client 2", "connect", "an address without a listener", error="ECONNREFUSED")
    book.note("client 1", "connect", "the listener's address")
    book.note("listener", "accept", result="connection 1 from client 1's address")
    book.note("client 1", "sendall", "b'xxxxxxxxxxxxxxxxxxxx'... 1000000 bytes", nbytes=1000000)
    book.note("connection 1", "recv", "10", result="10 bytes", nbytes=10)
    book.note("connection 1", "close")
    book.note("client 1", "recv", "10", error="ECONNRESET")
    return book.calls


def datagrams() -> list[Call]:
    """Return calls: one datagram is sent and received."""
    book = Notebook()
    book.note("datagram socket 1", "bind", "127.0.0.1, port 0")
    sent = {"result": "5 bytes", "nbytes": 5}
    book.note("datagram socket 2", "sendto", "b'hello', datagram socket 1's address", **sent)
    answer = {"result": "5 bytes from datagram socket 2's address", "nbytes": 5}
    book.note("datagram socket 1", "recvfrom", "1024", **answer)
    return book.calls


def forty() -> list[Call]:
    """Return forty calls: a long exchange of single bytes."""
    book = Notebook()
    book.note("client 1", "connect", "the listener's address")
    book.note("listener", "accept", result="connection 1 from client 1's address")
    for _ in range(19):
        book.note("client 1", "sendall", "b'x'", nbytes=1)
        book.note("connection 1", "recv", "1", result="1 byte", nbytes=1)
    return book.calls


def stream(sends: Sequence[bytes | int | None], receives: Sequence[int | str]) -> list[Call]:
    """Return calls: client 1 sends bytes, or a number of them; connection 1 receives.

    None is a send that failed or has not returned.
    """
    book, ends = Notebook(), {"end": {"result": "0 bytes, the end", "nbytes": 0}}
    book.note("listener", "accept", result="connection 1 from client 1's address")
    for data in sends:
        words = repr(data) if isinstance(data, bytes) else f"b'{'x' * 20}'... {data} bytes"
        nbytes = len(data) if isinstance(data, bytes) else data
        book.note("client 1", "sendall", words, nbytes=nbytes)
    for got in receives:
        moved = {"result": f"{got} bytes", "nbytes": got} if isinstance(got, int) else {}
        book.note("connection 1", "recv", "9999", **(moved or ends.get(str(got), {"error": got})))
    return book.calls


def cut(
    sends: Sequence[bytes | int], receives: Sequence[int | str], detail: str = "sizes"
) -> Picture:
    ends = {"sender": "client 1", "receiver": "connection 1"}
    return boundaries(stream(sends, receives), **ends, detail=detail)


def view(
    role: str,
    state: str,
    local: Endpoint | None = SERVER,
    peer: Endpoint | None = None,
    *,
    kind: str = "stream",
    **more: Any,
) -> SocketView:
    return SocketView(role, kind, state, local, peer, **more)


def pair(number: int, *, held: bool = True) -> list[SocketView]:
    """Return a client and its connection; one that is not `held` has no descriptor."""
    client = Endpoint("127.0.0.1", 40000 + number)
    return [
        view(f"client {number}", "ESTABLISHED", client, SERVER),
        view(f"connection {number}", "ESTABLISHED", SERVER, client, has_descriptor=held),
    ]


def shared() -> Snapshot:
    """Return a snapshot with one address and port that four kinds of sockets share."""
    return Snapshot(
        [
            view("listener", "LISTEN"),
            view("listener 2", "LISTEN"),
            *pair(1),
            *pair(2, held=False),
            view("datagram socket 1", "bound", kind="datagram"),
            view("socket 1", "CLOSED", None),
        ]
    )


def history(*looks: list[SocketView], pause_s: float = 0.005) -> History:
    """Return a history of `looks`, one every `pause_s` seconds."""
    made = History()
    made.samples += [Sample(at * pause_s, Snapshot(views)) for at, views in enumerate(looks)]
    return made


def queue(*lengths: int, limit: int = 2) -> History:
    """Return a history of a listener whose accept queue had these lengths."""
    return history(*([view("listener", "LISTEN", queue=now, queue_limit=limit)] for now in lengths))


def buffers(
    *levels: tuple[int | None, int | None], pause_s: float = 0.01, most: int = 1
) -> History:
    """Return a history of client 1's unsent and connection 1's unread bytes; None: both gone."""
    looks = []
    for unsent, unread in levels:
        gone = unsent is None or unread is None
        client = view("client 1", "ESTABLISHED", unread=0, unsent=most * (unsent or 0))
        connection = view("connection 1", "ESTABLISHED", unread=most * (unread or 0), unsent=0)
        looks.append([view("listener", "LISTEN"), *([] if gone else [client, connection])])
    return history(*looks, pause_s=pause_s)


def deadlocks(count: int) -> History:
    """Return a history of `count` pairs of sockets whose ends only send, for 15 seconds."""
    looks = [
        [
            one._replace(unsent=fill * 3_000_000 * at, unread=fill * 700 * at)
            for at in range(1, count + 1)
            for one in pair(at)
        ]
        for fill in (0, 1, 1, 1)
    ]
    return history(*looks, pause_s=5.0)


FULL = ((0, 0), *[(31, 1)] * 20, (20, 8), (0, 2), (0, 0), (0, 0))


def life() -> History:
    """Return a history of a connection, from before its accept() to the client's TIME_WAIT."""
    client = Endpoint("127.0.0.1", 40001)
    listener = view("listener", "LISTEN")
    bare = {"has_descriptor": False}
    last = view("connection 1", "LAST_ACK", SERVER, client, **bare)
    ending = [
        view("client 1", "FIN_WAIT_2", client, SERVER, **bare),
        view("connection 1", "CLOSE_WAIT", SERVER, client),
    ]
    return history(
        [listener],
        [listener, *pair(1, held=False)],
        *[[listener, *pair(1)]] * 12,
        [listener, *ending],
        [listener, ending[0], last],
        *[[listener, view("client 1", "TIME_WAIT", client, SERVER, **bare)]] * 9,
    )


ABLE = Capability("linux", True, "the Linux kernel's own tables, queues and counters")
UNABLE = Capability(
    "namespaces",
    False,
    "a private network: separate settings, hosts and rules",
    "this machine forbids private networks to ordinary users (EPERM)",
    "allow them with `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or run as root",
)

PICTURES: dict[str, Callable[[], Picture]] = {
    "an echo with states": lambda: call_sequence(echo()),
    "an echo without states": lambda: call_sequence(echo(states=False)),
    "one call": lambda: call_sequence(echo(states=False)[:1]),
    "two threads": lambda: call_sequence(two_threads()),
    "seven lanes": lambda: call_sequence(four_clients()),
    "errors": lambda: call_sequence(mishaps()),
    "datagrams": lambda: call_sequence(datagrams()),
    "forty calls": lambda: call_sequence(forty()),
    "states watched": lambda: states_over_time(life()),
    "states recorded": lambda: states_over_time(echo()),
    "one state": lambda: states_over_time(history([view("listener", "LISTEN")])),
    "a queue": lambda: queue_over_time(queue(0, 1, 2, 3, 3, 2, 0)),
    "a queue far from its limit": lambda: queue_over_time(queue(0, 2, 0, limit=128)),
    "a queue of none": lambda: queue_over_time(queue(0, limit=0)),
    "backlogs": lambda: completed_by_backlog([(0, 1), (1, 2), (3, 4), (8, 9)]),
    "far backlogs": lambda: completed_by_backlog([(0, 1), (1, 2), (2, 3), (5, 8), (128, 129)]),
    "one backlog": lambda: completed_by_backlog([(0, 1)]),
    "an address shared": lambda: endpoint_graph(shared()),
    "a listener alone": lambda: endpoint_graph(Snapshot([view("listener", "LISTEN")])),
    "an end elsewhere": lambda: endpoint_graph(Snapshot([pair(1)[0]])),
    "ten clients": lambda: endpoint_graph(
        Snapshot([view("listener", "LISTEN"), *(one for at in range(10) for one in pair(at + 1))])
    ),
    "capabilities": lambda: capabilities_board([ABLE, UNABLE]),
    "the lab": lab_map,
    "sends received together": lambda: cut([b"hello ", b"world", b"\n"], [12, "end"]),
    "frames": lambda: cut([b"\0\0\0\5hello", b"\0\0\0\2hi"], [4, 5, 4], "counts"),
    "a byte": lambda: cut([b"a"], [1]),
    "sixty sends": lambda: cut([b"x"] * 60, [1] * 20 + [40]),
    "megabytes": lambda: cut([100, 3_000_000], [65536] * 45 + [50_000], "relations"),
    "ten thousand sends": lambda: cut([1] * 10_000, [500, 4000, "ECONNRESET"]),
    "a connection in segments": closed,
    "a full queue in segments": knocking,
    "a refusal in segments": refused,
    "one segment": one_segment,
    "a long transfer": a_long_transfer,
    "buffers": lambda: buffers_over_time(buffers(*FULL, most=128_000)),
    "buffers of bytes": lambda: buffers_over_time(buffers((0, 5), (0, 10), (None, None))),
    "empty buffers": lambda: buffers_over_time(buffers((0, 0), pause_s=3)),
    "buffers of six": lambda: buffers_over_time(deadlocks(3)),
    "a board": closing,
    "a board of one": of_one,
    "a board of seventy": seventy,
    "durations": waiting,
    "a duration": long_name,
    "durations of nine": nine_clients,
    "a send under way": lambda: cut([100_000, None], [65_536] * 2 + [4000]),
    **ADDRESS_PICTURES,
    **LOAD_PICTURES,
    **SERVER_PICTURES,
    **TLS_PICTURES,
}
