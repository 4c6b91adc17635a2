"""Believes the name: as many as the backlog says."""

CAUGHT_BY = (
    "predicts what happens after listen(0)",
    "predicts what happens after listen(1)",
    "predicts what happens after listen(3)",
    "predicts what happens after listen(8)",
)
HINT = "checks before it adds"


def completed(backlog):
    return backlog
