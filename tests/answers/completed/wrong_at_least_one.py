"""Rounds a backlog of 0 up, as older systems do."""

CAUGHT_BY = (
    "predicts what happens after listen(1)",
    "predicts what happens after listen(3)",
    "predicts what happens after listen(8)",
)
HINT = "checks before it adds"


def completed(backlog):
    return max(backlog, 1)
