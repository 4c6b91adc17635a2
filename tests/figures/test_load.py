"""Pictures of load: words, claims, looks of lines, and input that is refused."""

from itertools import combinations

import pytest

from sockets_lab.figures import Picture, Scale, coordinated_omission, latency_cdf, scaling
from sockets_lab.figures.canvas.axes import looks_of, spread
from sockets_lab.figures.canvas.palette import CARD
from sockets_lab.figures.latencies import name_of, nines
from sockets_lab.load import Latencies
from tests.support.figure_checks import VISIONS, colour_distance, contrast
from tests.support.sample_figures_load import COUNTS, LOAD_PICTURES, MODELS, growth, stalled, three

FAST, SLOW = Latencies.of([1_000_000] * 100), Latencies.of([5_000_000] * 100)


def lines(picture: Picture) -> list[str]:
    return picture.words.splitlines()


def written(picture: Picture) -> list[str]:
    return [text.get_text() for axes in picture.figure.axes for text in axes.texts]


# --- distributions of latency -------------------------------------------------------------------


def test_words_name_groups_and_judge_claims() -> None:
    assert lines(three()) == [
        "distributions of latency, to the longest: serial, threaded, selectors_loop",
        "the 99th percentile of serial is more than 10 times that of selectors_loop: true",
        "the median of selectors_loop is more than that of threaded: false",
    ]


def test_times_are_drawn_but_not_in_the_words() -> None:
    picture = latency_cdf({"fast": FAST, "slow": SLOW}, claims=[("slow", 2, "fast", 50)])
    assert "50 %: 5 ms, 99 %: 5 ms" in written(picture)
    assert any(
        "5\N{NO-BREAK SPACE}times\N{NO-BREAK SPACE}here" in text for text in written(picture)
    )
    assert "5 ms" not in picture.words
    assert "here" not in picture.words


@pytest.mark.parametrize(
    ("percent", "words"),
    [
        (50, "the median"),
        (100, "the longest"),
        (99, "the 99th percentile"),
        (91, "the 91st percentile"),
        (12, "the 12th percentile"),
        (99.9, "the 99.9th percentile"),
    ],
)
def test_percentiles_have_names(percent: float, words: str) -> None:
    assert name_of(percent) == words


def test_axis_gives_each_nine_the_same_room() -> None:
    positions = [nines(share) for share in (0, 0.9, 0.99, 0.999)]
    assert positions == pytest.approx([0, 1, 2, 3])


def test_missing_latencies_are_refused() -> None:
    with pytest.raises(ValueError, match="give at least one group of latencies"):
        latency_cdf({})
    with pytest.raises(ValueError, match="no message was counted for 'none': leave it out"):
        latency_cdf({"none": Latencies.of([])})
    with pytest.raises(ValueError, match="no latencies of 'other': there is fast"):
        latency_cdf({"fast": FAST}, claims=[("fast", 1, "other", 50)])
    with pytest.raises(ValueError, match="must be a number above 0, not 0"):
        latency_cdf({"fast": FAST}, claims=[("fast", 0, "fast", 50)])


def test_more_than_nine_lines_are_refused() -> None:
    with pytest.raises(ValueError, match="10 lines would look too alike: draw at most 9"):
        latency_cdf({str(number): FAST for number in range(10)})


# --- coordinated omission -----------------------------------------------------------------------


def test_omission_counted_from_due_and_from_send() -> None:
    assert lines(coordinated_omission(stalled(), stalled("closed loop"))) == [
        "latency of a message, to the longest: "
        "from when it was due, from when it was sent, closed loop",
        "counted from when it was due, the 99th percentile is more than 10 times that "
        "from when it was sent: true",
        "counted from when it was due, the 99th percentile is more than 10 times that "
        "of a closed loop: true",
    ]


def test_nothing_is_omitted_without_a_stall() -> None:
    picture = coordinated_omission(stalled(stall_s=0.0), percent=50, factor=1)
    assert lines(picture)[1] == (
        "counted from when it was due, the median is more than that from when it was sent: false"
    )
    assert "left out" not in " ".join(written(picture))


def test_area_has_a_name_where_there_is_room() -> None:
    assert "left out: the wait" in written(coordinated_omission(stalled()))


def test_closed_loop_has_no_omission() -> None:
    with pytest.raises(ValueError, match="this is the result of a closed loop: give one of open_"):
        coordinated_omission(stalled("closed loop"))


# --- throughput and memory ----------------------------------------------------------------------


def test_scaling_judges_claims_at_most_connections() -> None:
    assert lines(LOAD_PICTURES["scaling"]()) == [
        "throughput and memory by connections: threaded, selectors_loop, asyncio_streams",
        "with the most connections, the memory of threaded is more than 10 times "
        "that of selectors_loop: true",
        "with the most connections, the throughput of asyncio_streams is more than "
        "that of selectors_loop: false",
    ]


def test_claims_are_judged_where_both_were_measured() -> None:
    rows = {"a": [Scale(1, 10.0), Scale(10, 40.0)], "b": [Scale(1, 20.0), Scale(9, 1.0)]}
    words = lines(scaling(rows, claims=[("throughput", "b", 1, "a")]))
    assert words[1] == "with the most connections, the throughput of b is more than that of a: true"


def test_only_measured_quantities_are_drawn() -> None:
    both = scaling({"a": growth(1000, 0.1, 900, COUNTS)})
    memory_alone = scaling({"a": [Scale(10, None, 90_000)]})
    assert len(both.figure.axes) == 3  # the sheet, and two
    assert len(memory_alone.figure.axes) == 2


def test_memory_below_a_page_is_drawn_as_a_page() -> None:
    picture = scaling({"a": [Scale(1, None, 0), Scale(2, None, -5000.0)]})
    heights = [y for line in picture.figure.axes[1].lines for y in line.get_ydata()]
    assert 4096 / 2**20 in heights


@pytest.mark.parametrize(
    ("rows", "claims", "complaint"),
    [
        ({}, [], "give at least one Scale of at least one model"),
        ({"a": []}, [], "give at least one Scale of at least one model"),
        ({"a": [Scale(1, 5.0)], "b": []}, [], "nothing was measured of 'b'"),
        ({"a": [Scale(1)]}, [], "no Scale has a throughput or a memory"),
        ({"a": [Scale(0, 5.0)]}, [], "'a' has 0 connections: give 1 or more"),
        ({"a": [Scale(1, 0.0)]}, [], "'a' has 0.0: give what was measured"),
        ({"a": [Scale(1, None, float("nan"))]}, [], "'a' has nan: give what was measured"),
        ({"a": [Scale(1, 5.0)]}, [("speed", "a", 1, "a")], "no quantity 'speed'"),
        ({"a": [Scale(1, 5.0)]}, [("memory", "a", 1, "b")], "nothing was measured of 'b'"),
        (
            {"a": [Scale(1, 5.0)], "b": [Scale(2, 5.0)]},
            [("throughput", "a", 1, "b")],
            "'a' and 'b' have no throughput for the same number of connections",
        ),
    ],
)
def test_impossible_scales_and_claims_are_refused(
    rows: dict[str, list[Scale]], claims: list[tuple[str, str, float, str]], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        scaling(rows, claims=claims)


# --- looks of lines -----------------------------------------------------------------------------


def test_a_model_looks_the_same_in_every_picture() -> None:
    assert looks_of(["selectors_loop", "serial"])["serial"] == looks_of(MODELS)["serial"]


def test_other_names_take_looks_that_are_left() -> None:
    looks = looks_of(["mine", "selectors_loop", "yours"])
    assert len(set(looks.values())) == 3


@pytest.mark.parametrize("vision", VISIONS)
def test_lines_differ_in_hue_dash_or_marker(vision: str) -> None:
    near = [
        (one, two)
        for (one, a), (two, b) in combinations(looks_of(MODELS).items(), 2)
        if (a.dash == b.dash or a.marker == b.marker)
        and colour_distance(a.hue.line, b.hue.line, vision) < 9
    ]
    assert near == []


def test_names_of_lines_can_be_read() -> None:
    pale = {
        name: look for name, look in looks_of(MODELS).items() if contrast(look.hue.ink, CARD) < 4.5
    }
    assert pale == {}


def test_spread_keeps_distance_and_order() -> None:
    assert spread([10, 10, 10], 5, 0, 100) == [10, 15, 20]
    assert spread([90, 99, 100], 20, 0, 100) == [60, 80, 100]
    assert spread([50, 0], 5, 0, 100) == [50, 0]
    assert spread([5, 5, 5, 5], 40, 0, 100) == [0, 40, 80, 120]
    assert spread([], 5, 0, 100) == []
