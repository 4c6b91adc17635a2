"""Knows the old rule of BSD: three halves of the backlog, plus one."""

CAUGHT_BY = (
    "knows what happens after listen(3)",
    "knows what happens after listen(8)",
)
HINT = "looks before it adds"


def completed(backlog):
    return 3 * backlog // 2 + 1
