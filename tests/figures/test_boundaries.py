"""One direction of a connection, as it was sent and received."""

import socket
from itertools import pairwise

import pytest

from sockets_lab import record
from sockets_lab.figures import boundaries
from sockets_lab.figures.calls.stream import Stream, stream_of
from sockets_lab.figures.calls.stream_layout import Box, make_layout, sign_of
from sockets_lab.figures.canvas.units import unit_for
from sockets_lab.recording import Call
from tests.conftest import Family
from tests.support.figure_checks import faults, texts
from tests.support.sample_figures import cut, echo, stream


def lines(*arguments: object) -> list[str]:
    return cut(*arguments).words.splitlines()


def client_stream(calls: list[Call]) -> Stream:
    return stream_of(calls, "client 1", "connection 1")


# --- words --------------------------------------------------------------------------------------


def test_words_have_sizes_and_boundaries() -> None:
    assert lines([b"hello ", b"world", b"\n"], [12, "end"]) == [
        "client 1 sent 3 times: 6, 5, 1 bytes",
        "connection 1 received once: 12 bytes",
        "2 boundaries between sends, 0 between receives, 0 in common",
        "every byte arrived",
        "connection 1 then received the end of the stream",
    ]


def test_words_count_common_boundaries() -> None:
    words = lines([b"ab", b"cd"], [1, 1, 2])
    assert words[1:3] == [
        "connection 1 received 3 times: 1, 1, 2 bytes",
        "1 boundary between sends, 2 between receives, 1 in common",
    ]


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([1] * 20, "client 1 sent 20 times: 1 byte each"),
        ([4, *[1] * 20, 3], "client 1 sent 22 times: 4, 20 times 1, 3 bytes"),
        ([65_536, 1_000], "client 1 sent 2 times: 65,536, 1,000 bytes"),
        (list(range(1, 31)), "client 1 sent 30 times: from 1 to 30 bytes"),
    ],
)
def test_repeated_sizes_are_counted(sizes: list[int], words: str) -> None:
    assert lines(sizes, [sum(sizes)])[0] == words


@pytest.mark.parametrize(
    ("receives", "how"),
    [([20], "fewer times"), ([1] * 20, "as often"), ([7, 13], "fewer times"), ([], "nothing")],
)
def test_counts_only_sends_if_receives_differ(receives: list[int], how: str) -> None:
    words = lines([b"x"] * 20, receives, "counts")
    assert words[0] == f"client 1 sent 20 times, connection 1 received {how}"


def test_relations_only_if_both_ends_differ() -> None:
    assert lines([9] * 3, [1] * 27, "relations") == [
        "client 1 sent more than once, connection 1 received more times",
        "every byte arrived",
    ]
    assert lines([27], [1] * 27, "relations")[0].startswith("client 1 sent once, connection 1 ")


def test_other_cuts_keep_counts_and_relations() -> None:
    for detail in ("counts", "relations"):
        assert lines([1] * 20, [7, 13], detail) == lines([1] * 20, [2, 2, 16], detail)


def test_words_count_bytes_not_received() -> None:
    assert lines([b"hello"], [2])[-1] == "not received: 3 bytes"
    assert lines([b"hello"], [2], "counts")[-1] == "some bytes were not received"
    assert lines([b"hello"], [])[1] == "connection 1 received nothing"


def test_words_have_a_reset() -> None:
    assert lines([b"hello"], ["ECONNRESET"])[-1] == "connection 1 then received a reset"


def test_words_have_a_send_that_failed_halfway() -> None:
    assert lines([10, None], [8, 8]) == [
        "client 1 sent 2 times: 10, 6 bytes",
        "connection 1 received 2 times: 8 bytes each",
        "1 boundary between sends, 1 between receives, 0 in common",
        "every byte arrived",
        "the last send of client 1 failed or has not returned",
    ]


@pytest.mark.parametrize(
    ("sender", "receiver", "why"),
    [
        (
            "listener",
            "client 1",
            "'listener' sent no bytes; known sockets: client 1, listener, conn",
        ),
        (
            "client 1",
            "connection 2",
            "no socket is called 'connection 2'; known sockets: client 1, l",
        ),
        ("client 2", "connection 1", "'client 2' sent no bytes"),
    ],
)
def test_rejects_ends_that_moved_nothing(sender: str, receiver: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        boundaries(echo(), sender=sender, receiver=receiver)


def test_rejects_more_received_than_sent() -> None:
    with pytest.raises(ValueError, match="'connection 1' received more bytes than 'client 1' sent"):
        cut([b"hello"], [4, 4])


def test_rejects_no_calls_and_unknown_detail() -> None:
    with pytest.raises(ValueError, match="known sockets: none"):
        boundaries([], sender="client 1", receiver="connection 1")
    with pytest.raises(
        ValueError, match="detail must be one of 'sizes', 'counts', 'relations', not 'al"
    ):
        cut([b"hello"], [5], "all")


# --- from calls to bytes ------------------------------------------------------------------------


def test_peek_is_not_a_receive() -> None:
    calls = stream([b"hello"], [5, 5])
    calls[2] = calls[2]._replace(arguments="5, MSG_PEEK")
    assert client_stream(calls).received.sizes == (5,)


def test_knows_bytes_kept_by_the_recording() -> None:
    calls = stream([b"it's", 3, b"\n"], [8])
    calls[2] = calls[2]._replace(arguments="a str", nbytes=3)
    assert client_stream(calls).known == dict(enumerate(b"it's")) | {7: 0x0A}


def test_knows_only_the_sent_part_of_a_send() -> None:
    calls = stream([b"hello", b"lo"], [5])
    calls[1] = calls[1]._replace(nbytes=3)
    assert bytes(client_stream(calls).known.values()) == b"hello"


def test_bytes_are_written_as_letters_or_numbers() -> None:
    assert [sign_of(value)[0] for value in b"a \n\0\xff"] == ["a", "␣", "↵", "00", "ff"]


# --- drawing ------------------------------------------------------------------------------------


def written(*arguments: object) -> list[str]:
    return [text.get_text() for text in texts(cut(*arguments).figure)]


def test_shows_each_byte_if_there_is_room() -> None:
    assert {"h", "e", "l", "o"} <= set(written([b"hello"], [5]))
    assert "x" not in written([b"x"] * 60, [60])


def test_boxes_follow_each_other_without_a_gap() -> None:
    layout = make_layout(client_stream(stream([1] * 900 + [500] + [2] * 100, [1600])))
    assert layout.sent == [Box(0, 900, 900), Box(900, 1400), Box(1400, 1600, 100)]
    assert all(one.end == following.start for one, following in pairwise(layout.sent))


@pytest.mark.parametrize(
    ("total", "ticks"),
    [
        (3, ["0", "1", "2", "3"]),
        (12, ["0", "4", "8", "12"]),
        (3_000_000, ["0", "0.5", "1", "1.5", "2", "2.5"]),
    ],
)
def test_axis_counts_in_a_unit_that_suits(total: int, ticks: list[str]) -> None:
    layout = make_layout(client_stream(stream([total], [total])))
    assert [number for _, number in layout.ticks()] == ticks
    assert f"position in the stream ({unit_for(total).name})" in written([total], [total])


def test_marks_positions_where_both_ends_cut() -> None:
    assert "a send and a receive end at the same position" in written([b"ab", b"c"], [2, 1])
    assert "a send and a receive end at the same position" not in written([b"ab", b"c"], [1, 2])


def test_real_calls_are_drawn(family: Family) -> None:
    with (
        record() as recording,
        socket.create_server((family.host, 0), family=family.family) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
        listener.accept()[0] as connection,
    ):
        for word in (b"one", b"two", b"three"):
            client.sendall(word)
        client.shutdown(socket.SHUT_WR)
        connection.recv(2, socket.MSG_PEEK)
        while connection.recv(4):
            pass
    picture = boundaries(recording, sender="client 1", receiver="connection 1")
    assert picture.words.splitlines() == [
        "client 1 sent 3 times: 3, 3, 5 bytes",
        "connection 1 received 3 times: 4, 4, 3 bytes",
        "2 boundaries between sends, 2 between receives, 0 in common",
        "every byte arrived",
        "connection 1 then received the end of the stream",
    ]
    assert faults(picture.figure, 200) == []
