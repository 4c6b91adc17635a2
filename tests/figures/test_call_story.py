"""The story of recorded calls: what passed between sockets, and their state at each row."""

from sockets_lab.figures.calls.call_story import Arrow, CallStory, Height, Stretch, story_of
from sockets_lab.figures.canvas.card import pill_width, text_width, wrap
from tests.support.sample_figures import Notebook, datagrams, echo, mishaps, two_threads


def passed(story: CallStory) -> list[tuple[str, str, str]]:
    return [(arrow.source, arrow.label, arrow.target) for arrow in story.arrows]


def stretches(story: CallStory, role: str, kind: str) -> list[Stretch]:
    return [s for s in story.stretches if (s.role, s.kind) == (role, kind)]


def test_arrows_follow_the_order_of_calls() -> None:
    assert passed(story_of(echo())) == [
        ("client 1", "handshake", "connection 1"),
        ("client 1", "5 bytes", "connection 1"),
        ("listener", "descriptor", "connection 1"),
        ("connection 1", "5 bytes", "client 1"),
        ("client 1", "FIN", "connection 1"),
        ("connection 1", "FIN", "client 1"),
    ]


def test_connection_has_no_descriptor_until_accept() -> None:
    story = story_of(echo())
    assert stretches(story, "connection 1", "kernel") == [
        Stretch("connection 1", "kernel", Height(4, True), Height(6, True))
    ]
    assert story.early == {"connection 1"}


def test_bytes_wait_until_they_are_read() -> None:
    assert stretches(story_of(echo()), "connection 1", "unread") == [
        Stretch("connection 1", "unread", Height(5, True), Height(7, False))
    ]


def test_bytes_are_paired_however_they_are_cut() -> None:
    book = Notebook()
    book.note("client 1", "connect", "the listener's address")
    for _ in range(3):
        book.note("client 1", "send", "b'ab'", result="2 bytes", nbytes=2)
    book.note("connection 1", "recv", "3", result="3 bytes", nbytes=3)
    book.note("connection 1", "recv", "9", result="3 bytes", nbytes=3)
    ends = [s.end for s in stretches(story_of(book.calls), "connection 1", "unread")]
    assert ends == [Height(4, False), Height(5, False), Height(5, False)]


def test_closing_with_unread_bytes_resets() -> None:
    story = story_of(mishaps())
    assert Arrow(6, "connection 1", "client 1", "RST", "reset") in story.arrows
    assert stretches(story, "connection 1", "descriptor")[-1].ends


def test_shutdown_sends_fin_once() -> None:
    book = Notebook()
    book.note("client 1", "connect", "the listener's address")
    book.note("client 1", "shutdown", "SHUT_RD")
    book.note("client 1", "shutdown", "SHUT_WR")
    book.note("client 1", "close")
    assert [label for _, label, _ in passed(story_of(book.calls))] == ["handshake", "FIN"]


def test_call_waiting_for_a_thread_takes_two_rows() -> None:
    story = story_of(two_threads())
    rows = [(row.call.name, row.begins, row.ends) for row in story.rows]
    assert rows[:3] == [
        ("accept", True, False),
        ("connect", True, True),
        ("accept", False, True),
    ]
    assert stretches(story, "listener", "waits") == [
        Stretch("listener", "waits", Height(0, False), Height(2, False)),
        Stretch("listener", "waits", Height(9, False), None),
    ]


def test_another_call_does_not_end_the_wait() -> None:
    book = Notebook()
    accepted = {"result": "connection 1 from client 1's address", "thread": "server"}
    book.note("listener", "accept", at_s=0.0, waited_s=0.1, **accepted)
    book.note("listener", "getsockname", at_s=0.01, result="the listener's address")
    book.note("client 1", "connect", "the listener's address", at_s=0.05)
    waits = stretches(story_of(book.calls), "listener", "waits")
    assert waits == [Stretch("listener", "waits", Height(0, False), Height(3, False))]


def test_unfinished_connect_makes_no_connection() -> None:
    book = Notebook()
    book.note("client 1", "connect", "the listener's address", error="ECONNREFUSED")
    book.note("client 2", "connect_ex", "the listener's address", result="EINPROGRESS")
    assert story_of(book.calls).lanes == ("client 1", "client 2")


def test_datagram_goes_to_its_address() -> None:
    assert passed(story_of(datagrams())) == [("datagram socket 2", "5 bytes", "datagram socket 1")]


def test_unlisted_connection_ends() -> None:
    book = Notebook()
    states = {"client 1": "ESTABLISHED", "connection 1": "ESTABLISHED"}
    book.note("client 1", "connect", "the listener's address", kernel=states)
    del book.states["connection 1"]
    book.note("listener", "close", kernel={"listener": "CLOSED"})
    life = stretches(story_of(book.calls), "connection 1", "kernel")
    assert life == [Stretch("connection 1", "kernel", Height(0, True), Height(1, True), ends=True)]


def test_words_break_at_spaces_only() -> None:
    width = text_width("one two", 12)
    assert wrap("one two three", width, 12) == ["one two", "three"]
    assert wrap("unbreakable", 5, 12) == ["unbreakable"]
    assert pill_width("ESTABLISHED") > pill_width("LISTEN")
