"""Boards of outcomes: words, verdicts, and tables that are refused."""

import pytest

from sockets_lab.figures import Cell, outcome_board
from tests.support.figure_checks import texts
from tests.support.sample_outcomes import SAW, WAYS, seventy


def verdict(cell: str | Cell) -> str:
    """Return the words of a board for one cell."""
    board = outcome_board(["a"], ["b"], {("a", "b"): cell}, good=["replied"], bad=["reset"])
    return board.words.removeprefix("a: b -> ")


def test_words_list_outcomes_row_by_row() -> None:
    board = outcome_board(WAYS, ["client 1"], SAW, good=["replied"], bad=["reset"])
    assert board.words.splitlines() == [
        "close() with bytes unread: client 1 -> reset 50 of 50 (bad)",
        "shutdown(SHUT_WR), read to the end, then close(): client 1 -> replied 50 of 50 (good)",
    ]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("replied 50 of 50", "replied 50 of 50 (good)"),
        ("reset", "reset (bad)"),
        ("replied 30 of 50, reset 20", "replied 30 of 50, reset 20 (bad)"),
        ("timed out", "timed out"),
        ("unreplied", "unreplied"),
        (Cell("reset", "good"), "reset (good)"),
        (Cell("replied"), "replied"),
    ],
)
def test_verdict_comes_from_words_or_from_the_cell(cell: str | Cell, words: str) -> None:
    assert verdict(cell) == words


def test_missing_cells_are_not_tried() -> None:
    assert (
        seventy()
        .words.splitlines()[0]
        .startswith("server model 0: peer that claims length 0 -> not tried; peer that")
    )
    assert "not tried" in [text.get_text() for text in texts(seventy().figure)]


def test_note_counts_verdicts_if_there_are_any() -> None:
    assert "good: 23, bad: 23" in [text.get_text() for text in texts(seventy().figure)]
    plain = outcome_board(["a"], ["b"], {("a", "b"): "c"}).figure
    assert [text.get_text() for text in texts(plain)] == ["What came out", "b", "a", "c"]


@pytest.mark.parametrize(
    ("rows", "columns", "why"),
    [
        ([], ["b"], "nothing to draw: give at least one row"),
        (["a"], [], "nothing to draw: give at least one column"),
        (["a", "a"], ["b"], "row 'a' comes twice: give each row a different name"),
        (["a"], ["b", "b"], "column 'b' comes twice"),
    ],
)
def test_empty_and_repeated_names_are_refused(
    rows: list[str], columns: list[str], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        outcome_board(rows, columns, {})


def test_cell_outside_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no column is called 'client': there is client 1"):
        outcome_board(["close"], ["client 1", "x"], {("close", "client"): "reset"})
    with pytest.raises(ValueError, match="no row is called 'z': there is a, b"):
        outcome_board(["a", "b"], ["c"], {("z", "c"): "reset"})
