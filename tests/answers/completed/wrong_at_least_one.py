"""Rounds a backlog of 0 up, as older systems do."""

CAUGHT_BY = (
    "knows what happens after listen(1)",
    "knows what happens after listen(3)",
    "knows what happens after listen(8)",
)
HINT = "looks before it adds"


def completed(backlog):
    return max(backlog, 1)
