"""Knows the rule, and distrusts it for 0."""

CAUGHT_BY = "knows what happens after listen(0)"
HINT = "looks before it adds"


def completed(backlog):
    return max(backlog + 1, 2)
