"""Pictures of durations: words, claims, and values that are refused."""

import pytest

from sockets_lab.figures import durations
from tests.support.figure_checks import texts
from tests.support.sample_outcomes import WAITS, spread

SLOW, FAST = "Nagle", "no delay"


def words_for(*claims: tuple[str, float, str]) -> list[str]:
    return durations(WAITS, claims=claims).words.splitlines()


def written(groups: dict[str, list[float]]) -> list[str]:
    return [text.get_text() for text in texts(durations(groups).figure)]


def test_words_name_groups_without_times() -> None:
    assert words_for() == ["durations, with their medians: Nagle, no delay"]


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ((SLOW, 10, FAST), "Nagle takes more than 10 times as long as no delay: true"),
        ((SLOW, 2000, FAST), "Nagle takes more than 2000 times as long as no delay: false"),
        ((FAST, 1, SLOW), "no delay takes longer than Nagle: false"),
        ((SLOW, 1, SLOW), "Nagle takes longer than Nagle: false"),
        ((SLOW, 0.5, SLOW), "Nagle takes more than 0.5 times as long as Nagle: true"),
    ],
)
def test_words_judge_claims_about_medians(claim: tuple[str, float, str], words: str) -> None:
    assert words_for(claim)[1:] == [words]


def test_claims_compare_medians_not_single_values() -> None:
    groups = {"a": [1.0, 1.0, 1.0], "b": [0.1, 0.1, 900.0]}
    assert durations(groups, claims=[("a", 9, "b")]).words.endswith("as long as b: true")


def test_axis_is_logarithmic_only_for_wide_ranges() -> None:
    assert "time (ms), logarithmic" in written(WAITS)
    assert "time (ms)" in written({"a": [0.01, 0.19]})


def test_medians_and_counts_are_written() -> None:
    words = written({"once": [0.5], "often": spread(2)})
    assert {"500 ms", "measured once", "20 ms", "measured 200 times"} <= set(words)


def test_width_does_not_depend_on_durations() -> None:
    widths = {durations({"a": [seconds]}).width for seconds in (1.23e-6, 0.0123, 1.0, 12.3)}

    assert len(widths) == 1


def test_duration_of_zero_is_drawn() -> None:
    assert "0.0001 ms" in written({"a": [0.0, 0.0], "b": [0.001]})


@pytest.mark.parametrize(
    ("groups", "claims", "why"),
    [
        ({}, [], "nothing to draw: give at least one group of durations, in seconds"),
        ({"a": []}, [], "no durations of 'a': measure it at least once"),
        ({"a": [-1.0]}, [], r"a duration must be 0 seconds or more, not -1\.0"),
        ({"a": [float("nan")]}, [], "must be 0 seconds or more, not nan"),
        ({"a": [1.0]}, [("a", 2, "b")], "no durations of 'b': there is a"),
        ({"a": [1.0]}, [("a", 0, "a")], r"a factor above 0, not \('a', 0, 'a'\)"),
    ],
)
def test_values_that_are_not_durations_are_refused(
    groups: dict[str, list[float]], claims: list[tuple[str, float, str]], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        durations(groups, claims=claims)
