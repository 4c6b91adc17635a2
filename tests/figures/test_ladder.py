"""Captured segments between the lanes of those who sent them."""

import pytest

from sockets_lab.figures import packet_ladder
from sockets_lab.figures.packets.ladder import Gap, Ladder, Rung, make_ladder
from sockets_lab.figures.packets.ladder_layout import HEAD, Spell, make_layout, time_of
from tests.support.figure_checks import texts
from tests.support.sample_captures import (
    CLOSING,
    OPENED,
    Marked,
    Sent,
    Step,
    closed,
    handshake,
    knocking,
    refused,
    segments,
    states_of,
)


def ladder(capture: list[Sent], *changes: dict[str, str], steps: tuple[Step, ...] = ()) -> Ladder:
    return make_ladder(capture, states_of(*changes) if changes else None, steps)


# --- words --------------------------------------------------------------------------------------


def test_tells_each_segment_and_the_states_that_it_changed() -> None:
    assert closed().words.splitlines() == [
        "the client connects:",
        "  client 1 -> connection 1: SYN; now client 1 SYN_SENT, connection 1 SYN_RECV",
        "  connection 1 -> client 1: SYN ACK; now client 1 ESTABLISHED",
        "  client 1 -> connection 1: ACK; now connection 1 ESTABLISHED",
        "the client sends its request:",
        "  client 1 -> connection 1: PSH ACK, 5 bytes",
        "  connection 1 -> client 1: ACK",
        "nothing at all: no segment",
        "the server replies:",
        "  connection 1 -> client 1: PSH ACK, 5 bytes",
        "  client 1 -> connection 1: ACK",
        "client 1 -> connection 1: FIN ACK; now client 1 FIN_WAIT_1, connection 1 CLOSE_WAIT",
        "connection 1 -> client 1: ACK; now client 1 FIN_WAIT_2",
        "connection 1 -> client 1: FIN ACK; now client 1 TIME_WAIT, connection 1 LAST_ACK",
        "client 1 -> connection 1: ACK; now connection 1 CLOSED",
    ]


def test_tells_calls_that_nobody_answered() -> None:
    told = knocking().words.splitlines()
    assert told[3] == (
        "client 2 -> listener: SYN, no answer; now client 2 SYN_SENT, listener LISTEN"
    )
    assert told[-1] == "client 4 -> listener: SYN, again, no answer"


def test_tells_a_refusal() -> None:
    assert refused().words.splitlines()[1] == (
        "closed port -> client 1: RST ACK; now client 1 CLOSED"
    )


def test_without_states_tells_segments_alone() -> None:
    assert packet_ladder(handshake()).words.splitlines() == [
        "client 1 -> connection 1: SYN",
        "connection 1 -> client 1: SYN ACK",
        "client 1 -> connection 1: ACK",
    ]


def test_words_do_not_depend_on_when_segments_passed() -> None:
    later = [each._replace(at_s=each.at_s * 7) for each in segments(*CLOSING)]
    assert packet_ladder(later).words == packet_ladder(segments(*CLOSING)).words


def test_long_transfer_is_shortened() -> None:
    told = packet_ladder(segments(*["> 1000", "< ACK"] * 40, "> FIN ACK")).words.splitlines()
    assert told[3:] == [
        "client 1 -> connection 1: PSH ACK, 1,000 bytes",
        "connection 1 -> client 1: ACK",
        "76 segments more, 38,000 bytes",
        "client 1 -> connection 1: PSH ACK, 1,000 bytes",
        "connection 1 -> client 1: ACK",
        "client 1 -> connection 1: FIN ACK",
    ]


def test_refuses_an_empty_capture_and_states_of_another() -> None:
    with pytest.raises(ValueError, match="nothing to draw: the capture holds no segment"):
        packet_ladder([])
    with pytest.raises(ValueError, match="states of 2 segments for a capture of 3: give states"):
        packet_ladder(handshake(), states=[{}, {}])


# --- from segments to a ladder ------------------------------------------------------------------


def test_transfer_is_not_shortened_across_a_change_of_state() -> None:
    many = segments(*["> 10"] * 14)
    changes = [{}] * 7 + [{"client_1": "CLOSED"}] + [{}] * 6
    rows = ladder(many, *OPENED, *changes).rows
    assert [row for row in rows if isinstance(row, Gap)] == []


def test_each_client_stands_beside_its_connection() -> None:
    late = Sent("client 2", "listener", "SYN")
    made = [*handshake(1), late, *handshake(2), late._replace(sender="client 3")]
    roles = ("client 1", "connection 1", "client 2", "connection 2", "listener", "client 3")
    assert ladder(made).lanes == roles


def test_stages_hold_what_passed_before_they_were_told() -> None:
    steps = (Step("one", 2), Step("none", 2), Step("two", 3))
    stages = ladder(segments("> 5"), steps=steps).stages
    assert [(stage.words, len(stage.rows)) for stage in stages] == [
        ("one", 2),
        ("none", 0),
        ("two", 1),
        ("", 1),
    ]


def test_capture_without_marks_is_one_stage() -> None:
    assert packet_ladder(Marked(handshake())).words == packet_ladder(handshake()).words


# --- places -------------------------------------------------------------------------------------


def test_states_begin_where_the_arrow_leaves_and_where_it_arrives() -> None:
    plan = make_layout(ladder(handshake(), *OPENED))
    first, second, third = plan.rows
    spells = {(spell.role, spell.state): spell for spell in plan.spells}
    assert spells["client 1", "SYN_SENT"].top == first
    assert first < spells["connection 1", "SYN_RECV"].top < second
    assert second < spells["client 1", "SYN_SENT"].bottom < third
    last = Spell("connection 1", "ESTABLISHED", plan.spells[-1].top, plan.bottom)
    assert last in plan.spells


def test_connection_begins_with_its_first_segment_and_ends_with_closed() -> None:
    ended = {"client_1": "CLOSED", "connection_1": "CLOSED"}
    plan = make_layout(ladder(segments("> RST"), *OPENED, ended))
    assert plan.lives["client 1"][0] == HEAD < plan.lives["connection 1"][0]
    assert plan.lives["connection 1"][1] < plan.bottom


def test_states_stand_away_from_the_arrows() -> None:
    late = [Sent(f"client {number}", "listener", "SYN") for number in (1, 2)]
    assert make_layout(ladder(late)).sides == {"client 1": -1, "listener": 1, "client 2": 1}


@pytest.mark.parametrize(
    ("at_s", "words"), [(0.0, "0.00"), (0.00123, "1.23"), (0.0421, "42.1"), (1.0126, "1,013")]
)
def test_time_has_fewer_decimals_the_later_it_is(at_s: float, words: str) -> None:
    assert time_of(Rung(at_s, "client 1", "listener", "SYN", 0, False, {})) == words


def test_axis_of_time_names_its_unit() -> None:
    assert "time (ms)" in [text.get_text() for text in texts(closed().figure)]
