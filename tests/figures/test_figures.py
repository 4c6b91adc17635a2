"""The words of the pictures, and what the pictures refuse to draw."""

import io
from pathlib import Path

import pytest
from PIL import Image

from sockets_lab.figures import (
    Picture,
    call_sequence,
    capabilities_board,
    completed_by_backlog,
    endpoint_graph,
    lab_map,
    queue_over_time,
    states_over_time,
)
from sockets_lab.kernel import Snapshot
from tests.support.sample_figures import (
    ABLE,
    PICTURES,
    UNABLE,
    datagrams,
    echo,
    four_clients,
    history,
    life,
    mishaps,
    pair,
    queue,
    shared,
    two_threads,
    view,
)


def lines(picture: Picture) -> list[str]:
    return picture.words.splitlines()


# --- a picture ----------------------------------------------------------------------------------


def test_shows_an_image_that_carries_its_words() -> None:
    bundle = lab_map()._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"] == lab_map().words == repr(lab_map())
    assert bundle["text/html"].startswith('<img alt="three floors, one above the other\n')
    assert 'src="data:image/png;base64,iVBOR' in bundle["text/html"]


def test_escapes_words_that_look_like_markup() -> None:
    picture = Picture(lab_map().figure, 'connection 1 "<b>" & more')
    assert 'alt="connection 1 &quot;&lt;b&gt;&quot; &amp; more"' in picture.html()


def test_is_drawn_at_two_dots_a_css_pixel() -> None:
    picture = lab_map()
    assert Image.open(io.BytesIO(picture.png())).width == 2 * picture.width
    assert f'width="{picture.width}"' in picture.html()


def test_saves_at_the_density_asked_for(tmp_path: Path) -> None:
    picture = lab_map()
    picture.save(tmp_path / "map.png", dpi=100)
    with Image.open(tmp_path / "map.png") as image:
        assert image.width == picture.width
    assert picture.figure.dpi == 100


def test_saves_as_png_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"give a name that ends in \.png, not 'map\.gif'"):
        lab_map().save("map.gif")
    with pytest.raises(FileNotFoundError):
        lab_map().save(tmp_path / "nowhere" / "map.png")


@pytest.mark.parametrize(
    ("name", "most"),
    [("an echo with states", 70), ("a queue", 30), ("states watched", 40), ("the lab", 50)],
)
def test_stays_small_enough_for_a_notebook(name: str, most: int) -> None:
    assert len(PICTURES[name]().png()) / 1024 < most


def test_words_hold_no_port_and_no_time() -> None:
    for make in PICTURES.values():
        words = make().words
        assert "54321" not in words
        assert "4000" not in words
        assert " ms" not in words


# --- the sequence of calls ----------------------------------------------------------------------


def test_words_have_each_call_and_new_states() -> None:
    words = lines(call_sequence(echo()))
    assert words[0] == "14 calls on 3 sockets: client 1, listener, connection 1"
    assert words[2] == "2. listener: bind(127.0.0.1, port 0)"
    assert words[3] == "3. listener: listen(5); the kernel says: listener LISTEN"
    assert words[5] == (
        "5. client 1: connect(the listener's address); "
        "the kernel says: client 1 ESTABLISHED, connection 1 ESTABLISHED"
    )
    assert words[7] == "7. listener: accept() -> connection 1 from client 1's address"
    assert words[-2] == "14. listener: close(); the kernel says: listener CLOSED"


def test_both_fin_waits_have_the_same_words() -> None:
    words = lines(call_sequence(echo()))
    assert words[11] == (
        "11. client 1: close(); the kernel says: client 1 FIN_WAIT_1 or 2, connection 1 CLOSE_WAIT"
    )


def test_connection_exists_before_accept() -> None:
    insight = "connection 1 exists before accept() gives it a descriptor"
    assert lines(call_sequence(echo()))[-1] == insight
    assert lines(call_sequence(echo(states=False)))[-1] == insight


def test_connection_is_never_accepted() -> None:
    assert lines(call_sequence(four_clients()))[-2:] == [
        "connection 1 exists before accept() gives it a descriptor",
        "connection 2 exists and is never accepted",
    ]


def test_words_go_thread_by_thread() -> None:
    assert lines(call_sequence(two_threads())) == [
        "7 calls on 3 sockets: client 1, listener, connection 1",
        "notebook:",
        "  client 1: connect(the listener's address)",
        "  client 1: sendall(b'hi')",
        "  client 1: recv(9) -> 2 bytes",
        "server:",
        "  listener: accept() -> connection 1 from client 1's address",
        "  connection 1: recv(9) -> 2 bytes",
        "  connection 1: sendall(b'hi')",
        "  listener: accept() ... still waiting",
    ]


def test_words_name_errors() -> None:
    words = lines(call_sequence(mishaps()))
    assert words[1] == "1. listener 2: bind(the listener's address) !! EADDRINUSE"
    assert words[-2] == "8. client 1: recv(10) !! ECONNRESET"


def test_words_have_datagrams() -> None:
    assert lines(call_sequence(datagrams()))[0].endswith("datagram socket 1, datagram socket 2")


def test_rejects_a_recording_without_calls() -> None:
    with pytest.raises(ValueError, match="the recording holds no call; make calls in its block"):
        call_sequence([])


# --- states over time ---------------------------------------------------------------------------


def test_words_have_states_in_order_by_role() -> None:
    assert lines(states_over_time(life())) == [
        "listener: LISTEN",
        "client 1: ESTABLISHED, then FIN_WAIT_1 or 2, then TIME_WAIT",
        "connection 1: ESTABLISHED (not accepted yet), then ESTABLISHED, then CLOSE_WAIT",
    ]


def test_words_have_the_states_of_a_recording() -> None:
    assert lines(states_over_time(echo())) == [
        "listener: CLOSED, then LISTEN, then CLOSED",
        "client 1: CLOSED, then ESTABLISHED, then FIN_WAIT_1 or 2, then TIME_WAIT",
        "connection 1: "
        "ESTABLISHED (not accepted yet), then ESTABLISHED, then CLOSE_WAIT, then CLOSED",
    ]


@pytest.mark.parametrize("source", [echo(states=False), [], history()])
def test_rejects_a_source_without_states(source: list[object]) -> None:
    with pytest.raises(ValueError, match=r"or record with record\(states=True\)"):
        states_over_time(source)


# --- the accept queue ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ((0, 1, 2, 3, 0), "the accept queue rises to 3, its limit is 2; then it falls to 0"),
        ((0, 3, 3, 1, 0), "the accept queue rises to 3, its limit is 2; then it falls to 0"),
        ((3, 1), "the accept queue falls from 3 to 1, its limit is 2"),
        ((0, 0), "the accept queue stays at 0, its limit is 2"),
        (
            (0, 2, 1, 2),
            "the accept queue rises to 2, its limit is 2; then it falls to 1; then it rises to 2",
        ),
    ],
)
def test_words_have_the_turns_of_the_queue(lengths: tuple[int, ...], words: str) -> None:
    assert queue_over_time(queue(*lengths)).words == words


def test_rejects_a_history_without_the_listener() -> None:
    with pytest.raises(ValueError, match="no socket called 'listener 2'"):
        queue_over_time(queue(0), listener="listener 2")


def test_rejects_a_socket_without_a_queue() -> None:
    with pytest.raises(ValueError, match="no accept queue of 'client 1' to draw"):
        queue_over_time(history(pair(1)), listener="client 1")


# --- backlog and completed connects -------------------------------------------------------------


def test_words_have_pairs_and_their_relation() -> None:
    assert completed_by_backlog([(0, 1), (3, 4)]).words == (
        "backlog 0: 1 connect completed; backlog 3: 4 connects completed; always backlog + 1"
    )


def test_words_have_exceptions_to_the_relation() -> None:
    words = completed_by_backlog([(0, 1), (3, 3), (5, 5)]).words
    assert words.endswith("not backlog + 1 at backlog 3, 5")


@pytest.mark.parametrize("row", [(1,), (-1, 0), (1.5, 2), (True, 1), "12", 3])
def test_rejects_rows_that_are_no_counts(row: object) -> None:
    with pytest.raises(ValueError, match="a row"):
        completed_by_backlog([row])


def test_rejects_no_rows() -> None:
    with pytest.raises(ValueError, match=r"give at least one pair \(backlog, completed connects\)"):
        completed_by_backlog([])


# --- endpoints and connections ------------------------------------------------------------------


def test_words_list_sockets_that_share_an_address() -> None:
    assert lines(endpoint_graph(shared())) == [
        "8 sockets, 3 endpoints, 2 connections",
        "the listener's address is shared by listener (LISTEN), listener 2 (LISTEN), "
        "connection 1 (ESTABLISHED), connection 2 (ESTABLISHED, not accepted yet), "
        "datagram socket 1 (UDP, bound)",
        "client 1's address: client 1 (ESTABLISHED)",
        "client 2's address: client 2 (ESTABLISHED)",
        "no address yet: socket 1 (CLOSED)",
        "connection of client 1's address with the listener's address: client 1 and connection 1",
        "connection of client 2's address with the listener's address: client 2 and connection 2",
    ]


def test_words_have_an_end_outside_the_picture() -> None:
    assert lines(endpoint_graph(Snapshot(pair(1)[:1])))[-1] == (
        "connection of client 1's address with address 1 outside this picture: client 1"
    )


def test_addresses_are_drawn_and_not_in_the_words() -> None:
    picture = endpoint_graph(Snapshot([view("listener", "LISTEN")]))
    written = [text.get_text() for text in picture.figure.axes[0].texts]
    assert "127.0.0.1:54321" in written
    assert "127.0.0.1" not in picture.words


def test_rejects_an_empty_snapshot() -> None:
    with pytest.raises(ValueError, match=r"the snapshot holds no socket; give look\(\) at least"):
        endpoint_graph(Snapshot([]))


# --- capabilities, and the lab


def test_words_have_advice_for_what_is_missing() -> None:
    assert lines(capabilities_board([ABLE, UNABLE])) == [
        "linux: yes, the Linux kernel's own tables, queues and counters",
        "namespaces: no, this machine forbids private networks to ordinary users (EPERM); "
        "allow them with `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, "
        "or run as root",
    ]


def test_rejects_no_capabilities() -> None:
    with pytest.raises(
        ValueError, match=r"give at least one capability, such as all_capabilities\(\)"
    ):
        capabilities_board([])


def test_titles_can_be_given() -> None:
    picture = lab_map(title="Where you are")
    assert "Where you are" in [text.get_text() for text in picture.figure.axes[0].texts]
