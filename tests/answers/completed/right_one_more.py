"""Knows the rule."""


def completed(backlog):
    return backlog + 1
