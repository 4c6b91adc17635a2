"""Knows the old rule of BSD: three halves of the backlog, plus one."""

CAUGHT_BY = (
    "predicts what happens after listen(3)",
    "predicts what happens after listen(8)",
)
HINT = "checks before it adds"


def completed(backlog):
    return 3 * backlog // 2 + 1
