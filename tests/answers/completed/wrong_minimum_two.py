"""Knows the rule, and distrusts it for 0."""

CAUGHT_BY = "predicts what happens after listen(0)"
HINT = "checks before it adds"


def completed(backlog):
    return max(backlog + 1, 2)
