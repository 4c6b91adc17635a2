"""What follows from recorded calls: what passed between sockets, and what holds when."""

from sockets_lab.figures.calls.call_story import Arrow, CallStory, Place, Stretch, follow
from sockets_lab.figures.canvas.card import pill_width, text_width, wrap
from tests.support.sample_figures import Notebook, datagrams, echo, mishaps, two_threads


def passed(conversation: CallStory) -> list[tuple[str, str, str]]:
    return [(arrow.source, arrow.label, arrow.target) for arrow in conversation.arrows]


def stretches(conversation: CallStory, role: str, kind: str) -> list[Stretch]:
    return [s for s in conversation.stretches if (s.role, s.kind) == (role, kind)]


def test_what_passes_between_sockets_stands_in_order() -> None:
    assert passed(follow(echo())) == [
        ("client 1", "handshake", "connection 1"),
        ("client 1", "5 bytes", "connection 1"),
        ("listener", "descriptor", "connection 1"),
        ("connection 1", "5 bytes", "client 1"),
        ("client 1", "FIN", "connection 1"),
        ("connection 1", "FIN", "client 1"),
    ]


def test_connection_has_no_descriptor_until_accept() -> None:
    conversation = follow(echo())
    assert stretches(conversation, "connection 1", "kernel") == [
        Stretch("connection 1", "kernel", Place(4, True), Place(6, True))
    ]
    assert conversation.early == {"connection 1"}


def test_bytes_wait_from_their_arrival_until_they_are_read() -> None:
    assert stretches(follow(echo()), "connection 1", "unread") == [
        Stretch("connection 1", "unread", Place(5, True), Place(7, False))
    ]


def test_bytes_are_paired_however_they_are_cut() -> None:
    book = Notebook()
    book.note("client 1", "connect", "the listener's address")
    for _ in range(3):
        book.note("client 1", "send", "b'ab'", result="2 bytes", nbytes=2)
    book.note("connection 1", "recv", "3", result="3 bytes", nbytes=3)
    book.note("connection 1", "recv", "9", result="3 bytes", nbytes=3)
    ends = [s.end for s in stretches(follow(book.calls), "connection 1", "unread")]
    assert ends == [Place(4, False), Place(5, False), Place(5, False)]


def test_closing_with_unread_bytes_resets() -> None:
    conversation = follow(mishaps())
    assert Arrow(6, "connection 1", "client 1", "RST", "reset") in conversation.arrows
    assert stretches(conversation, "connection 1", "descriptor")[-1].ends


def test_shutdown_says_the_end_once() -> None:
    book = Notebook()
    book.note("client 1", "connect", "the listener's address")
    book.note("client 1", "shutdown", "SHUT_RD")
    book.note("client 1", "shutdown", "SHUT_WR")
    book.note("client 1", "close")
    assert [label for _, label, _ in passed(follow(book.calls))] == ["handshake", "FIN"]


def test_call_that_waits_for_another_thread_takes_two_rows() -> None:
    conversation = follow(two_threads())
    told_as = [(row.call.name, row.begins, row.ends) for row in conversation.rows]
    assert told_as[:3] == [
        ("accept", True, False),
        ("connect", True, True),
        ("accept", False, True),
    ]
    assert stretches(conversation, "listener", "waits") == [
        Stretch("listener", "waits", Place(0, False), Place(2, False)),
        Stretch("listener", "waits", Place(9, False), None),
    ]


def test_another_call_on_the_same_socket_does_not_end_the_wait() -> None:
    book = Notebook()
    accepted = {"result": "connection 1 from client 1's address", "thread": "server"}
    book.note("listener", "accept", at_s=0.0, waited_s=0.1, **accepted)
    book.note("listener", "getsockname", at_s=0.01, result="the listener's address")
    book.note("client 1", "connect", "the listener's address", at_s=0.05)
    waits = stretches(follow(book.calls), "listener", "waits")
    assert waits == [Stretch("listener", "waits", Place(0, False), Place(3, False))]


def test_connect_that_was_refused_or_is_under_way_makes_no_connection() -> None:
    book = Notebook()
    book.note("client 1", "connect", "the listener's address", error="ECONNREFUSED")
    book.note("client 2", "connect_ex", "the listener's address", result="EINPROGRESS")
    assert follow(book.calls).lanes == ("client 1", "client 2")


def test_datagram_goes_to_the_socket_it_is_addressed_to() -> None:
    assert passed(follow(datagrams())) == [("datagram socket 2", "5 bytes", "datagram socket 1")]


def test_connection_that_the_kernel_lists_no_more_ends() -> None:
    book = Notebook()
    says = {"client 1": "ESTABLISHED", "connection 1": "ESTABLISHED"}
    book.note("client 1", "connect", "the listener's address", kernel=says)
    del book.states["connection 1"]
    book.note("listener", "close", kernel={"listener": "CLOSED"})
    life = stretches(follow(book.calls), "connection 1", "kernel")
    assert life == [Stretch("connection 1", "kernel", Place(0, True), Place(1, True), ends=True)]


def test_words_break_at_spaces_only() -> None:
    width = text_width("one two", 12)
    assert wrap("one two three", width, 12) == ["one two", "three"]
    assert wrap("unbreakable", 5, 12) == ["unbreakable"]
    assert pill_width("ESTABLISHED") > pill_width("LISTEN")
