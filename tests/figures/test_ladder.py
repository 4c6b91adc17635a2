"""Ladders of captured segments: words, stages, and layout."""

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


def test_words_list_segments_and_changed_states() -> None:
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


def test_unanswered_syn_is_reported() -> None:
    lines = knocking().words.splitlines()
    assert lines[3] == (
        "client 2 -> listener: SYN, no answer; now client 2 SYN_SENT, listener LISTEN"
    )
    assert lines[-1] == "client 4 -> listener: SYN, again, no answer"


def test_refusal_is_reported() -> None:
    assert refused().words.splitlines()[1] == (
        "closed port -> client 1: RST ACK; now client 1 CLOSED"
    )


def test_words_without_states_list_segments_only() -> None:
    assert packet_ladder(handshake()).words.splitlines() == [
        "client 1 -> connection 1: SYN",
        "connection 1 -> client 1: SYN ACK",
        "client 1 -> connection 1: ACK",
    ]


def test_words_do_not_depend_on_times() -> None:
    later = [each._replace(at_s=each.at_s * 7) for each in segments(*CLOSING)]
    assert packet_ladder(later).words == packet_ladder(segments(*CLOSING)).words


def test_long_transfer_is_shortened() -> None:
    lines = packet_ladder(segments(*["> 1000", "< ACK"] * 40, "> FIN ACK")).words.splitlines()
    assert lines[3:] == [
        "client 1 -> connection 1: PSH ACK, 1,000 bytes",
        "connection 1 -> client 1: ACK",
        "76 more segments, 38,000 bytes",
        "client 1 -> connection 1: PSH ACK, 1,000 bytes",
        "connection 1 -> client 1: ACK",
        "client 1 -> connection 1: FIN ACK",
    ]


def test_empty_capture_and_other_states_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw: the capture holds no segment"):
        packet_ladder([])
    with pytest.raises(ValueError, match="2 states for 3 segments: give states"):
        packet_ladder(handshake(), states=[{}, {}])


# --- from segments to a ladder ------------------------------------------------------------------


def test_transfer_with_a_state_change_is_kept() -> None:
    many = segments(*["> 10"] * 14)
    changes = [{}] * 7 + [{"client_1": "CLOSED"}] + [{}] * 6
    rows = ladder(many, *OPENED, *changes).rows
    assert [row for row in rows if isinstance(row, Gap)] == []


def test_each_client_is_beside_its_connection() -> None:
    late = Sent("client 2", "listener", "SYN")
    made = [*handshake(1), late, *handshake(2), late._replace(sender="client 3")]
    roles = ("client 1", "connection 1", "client 2", "connection 2", "listener", "client 3")
    assert ladder(made).lanes == roles


def test_stage_holds_segments_before_its_mark() -> None:
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


# --- layout -------------------------------------------------------------------------------------


def test_states_start_at_the_ends_of_the_arrow() -> None:
    layout = make_layout(ladder(handshake(), *OPENED))
    first, second, third = layout.rows
    spells = {(spell.role, spell.state): spell for spell in layout.spells}
    assert spells["client 1", "SYN_SENT"].top == first
    assert first < spells["connection 1", "SYN_RECV"].top < second
    assert second < spells["client 1", "SYN_SENT"].bottom < third
    last = Spell("connection 1", "ESTABLISHED", layout.spells[-1].top, layout.bottom)
    assert last in layout.spells


def test_lane_starts_at_first_segment_ends_at_closed() -> None:
    ended = {"client_1": "CLOSED", "connection_1": "CLOSED"}
    layout = make_layout(ladder(segments("> RST"), *OPENED, ended))
    assert layout.lives["client 1"][0] == HEAD < layout.lives["connection 1"][0]
    assert layout.lives["connection 1"][1] < layout.bottom


def test_states_are_away_from_the_arrows() -> None:
    late = [Sent(f"client {number}", "listener", "SYN") for number in (1, 2)]
    assert make_layout(ladder(late)).sides == {"client 1": -1, "listener": 1, "client 2": 1}


@pytest.mark.parametrize(
    ("at_s", "words"), [(0.0, "0.00"), (0.00123, "1.23"), (0.0421, "42.1"), (1.0126, "1,013")]
)
def test_later_times_have_fewer_decimals(at_s: float, words: str) -> None:
    assert time_of(Rung(at_s, "client 1", "listener", "SYN", 0, False, {})) == words


def test_time_column_names_its_unit() -> None:
    assert "time (ms)" in [text.get_text() for text in texts(closed().figure)]
