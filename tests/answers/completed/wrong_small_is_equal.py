"""Believes that small queues are kept exactly."""

CAUGHT_BY = (
    "knows what happens after listen(1)",
    "knows what happens after listen(3)",
)
HINT = "looks before it adds"


def completed(backlog):
    return backlog if 0 < backlog < 8 else backlog + 1
