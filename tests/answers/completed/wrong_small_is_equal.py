"""Believes that small queues are kept exactly."""

CAUGHT_BY = (
    "predicts what happens after listen(1)",
    "predicts what happens after listen(3)",
)
HINT = "checks before it adds"


def completed(backlog):
    return backlog if 0 < backlog < 8 else backlog + 1
