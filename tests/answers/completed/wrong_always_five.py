"""Believes that every listener queues five."""

CAUGHT_BY = (
    "knows what happens after listen(0)",
    "knows what happens after listen(1)",
    "knows what happens after listen(3)",
    "knows what happens after listen(8)",
)
HINT = "looks before it adds"


def completed(backlog):
    return 5
