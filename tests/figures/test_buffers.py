"""Bytes in the kernel's buffers over time, in words that are the same on every run."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from sockets_lab.capabilities import has
from sockets_lab.figures import buffers_over_time
from sockets_lab.figures.canvas.units import in_unit
from sockets_lab.figures.occupancy import buffers_of
from sockets_lab.kernel import History, until, watch
from tests.conftest import Family
from tests.support.figure_checks import faults, texts
from tests.support.sample_figures import FULL, buffers, deadlocks, history, pair, queue

GONE = (None, None)


def words_of(seen: History) -> dict[str, str]:
    """Return the words of the picture, by buffer."""
    lines = buffers_over_time(seen).words.splitlines()
    return dict(line.split(" bytes ") for line in lines)


def unread(*levels: int) -> str:
    """Return the words about connection 1's unread bytes."""
    return words_of(buffers(*((0, level) for level in levels)))["connection 1's unread"]


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 128_000, 3_000_000])
def test_words_do_not_depend_on_the_size(most: int) -> None:
    assert words_of(buffers(*FULL, most=most)) == {
        "client 1's unsent": "rise, then stay, then fall to 0",
        "client 1's unread": "stay at or near 0",
        "connection 1's unsent": "stay at or near 0",
        "connection 1's unread": "rise, then stay, then fall to 0",
    }


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ((0, 0, 0), "stay at or near 0"),
        ((0, 9, 9, 9), "rise, then stay"),
        ((0, 9, 9, 9, 12, 12), "rise, then stay"),
        ((0, 9, 9, 9, 5, 5), "rise, then stay, then are there at the end"),
        ((0, 9, 9, 9, 0), "rise, then stay, then fall to 0"),
        ((0, *range(1, 9), 0), "rise, then fall to 0"),
        ((0, *range(1, 9)), "rise, then are there at the end"),
        ((9, 9, 9, 0), "are there at first, then stay, then fall to 0"),
        ((9, 6, 3, 1, 0, 0, 0, 0), "are there at first, then fall to 0"),
        ((0, 9, 0, 0, 0, 5, 0), "rise, then fall to 0, then rise, then fall to 0"),
        ((0, 9, 0, 0) * 4, "rise and fall again and again, then fall to 0"),
    ],
)
def test_words_have_turns_without_counts(levels: tuple[int, ...], words: str) -> None:
    assert unread(*levels) == words


def test_is_as_wide_whatever_it_counts() -> None:
    widths = {buffers_over_time(buffers(*FULL, most=most)).width for most in (9, 4_095, 10**6)}

    assert len(widths) == 1


def test_words_have_bytes_gone_with_their_socket() -> None:
    assert words_of(buffers((0, 5), (0, 9), GONE))["connection 1's unread"] == (
        "are there at first, then stay, then are gone with the socket"
    )


def test_a_single_look_does_not_change_the_words() -> None:
    quiet = [(31, 0)] * 100
    for chance in (0, 1, 30):
        seen = buffers(*quiet, (31, chance), *quiet)
        assert words_of(seen)["connection 1's unread"] == "stay at or near 0"


def test_a_moment_at_zero_does_not_end_a_filling() -> None:
    assert unread(0, *[9] * 20, 0, *[9] * 20, 0) == "rise, then stay, then fall to 0"


def test_ripples_do_not_end_a_stay() -> None:
    assert unread(0, *[1000, 1040, 990] * 9, 0) == "rise, then stay, then fall to 0"


@pytest.mark.parametrize("seen", [history(), queue(0, 1), history(pair(1))])
def test_rejects_a_history_without_buffers(seen: History) -> None:
    with pytest.raises(ValueError, match="no buffers to draw: watch a connected socket, on a mach"):
        buffers_over_time(seen)


# --- drawing ------------------------------------------------------------------------------------


def written(seen: History) -> list[str]:
    return [text.get_text() for text in texts(buffers_over_time(seen).figure)]


def test_empty_buffers_have_no_strip() -> None:
    words = written(buffers(*FULL))
    assert words.count("unread bytes") == words.count("unsent bytes") == 1
    assert "always 0: client 1 unread, connection 1 unsent" in words
    assert "always 0: client 1 unread, connection 1 unsent" not in written(deadlocks(1))


def test_strips_and_time_have_units() -> None:
    words = written(buffers(*FULL, most=128_000))
    assert {"0", "2 MiB", "400 KiB", "time (ms)", "at most 3.78 MiB"} <= set(words)
    assert "time (s)" in written(deadlocks(1))


@pytest.mark.parametrize(
    ("nbytes", "words"),
    [(1, "1 byte"), (4000, "4,000 bytes"), (131_072, "128 KiB"), (3_886_726, "3.71 MiB")],
)
def test_bytes_have_a_unit_that_suits(nbytes: int, words: str) -> None:
    assert in_unit(nbytes) == words


def test_a_socket_that_is_gone_ends_its_strip() -> None:
    last = buffers_of(buffers((0, 5), GONE, GONE))[-1]
    assert (last.role, last.kind, last.end_s, last.gone) == ("connection 1", "unread", 0.01, True)


# --- what really happens ------------------------------------------------------------------------


@pytest.mark.skipif(not has("sock-diag"), reason="this machine cannot show what buffers hold")
def test_full_buffers_are_drawn_from_real_sockets(family: Family) -> None:
    with (
        socket.create_server((family.host, 0), family=family.family) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
        listener.accept()[0] as connection,
        watch(client, connection, interval_s=0.001) as seen,
    ):
        began_s = time.monotonic()
        client.setblocking(False)
        with suppress(BlockingIOError):
            while client.send(bytes(1_000_000)):
                pass
        until(lambda now: (now["connection 1"].unread or 0) > 0, client, connection)
        rising_s = time.monotonic() - began_s
        threading.Event().wait(0.1 + 2 * rising_s)  # let the watch see it for a good share
        client.setblocking(True)
        client.shutdown(socket.SHUT_WR)
        while connection.recv(1_000_000):
            pass
    picture = buffers_over_time(seen)
    words = words_of(seen)
    assert words["client 1's unsent"].startswith("rise, then stay")
    assert words["connection 1's unread"] == "rise, then stay, then fall to 0"
    assert faults(picture.figure, 200) == []
