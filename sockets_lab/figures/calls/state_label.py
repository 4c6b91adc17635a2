"""A kernel state in the words of a picture."""

__all__ = ["state_label"]


def state_label(state: str) -> str:
    """Return a state in words that are the same on every run.

    Which FIN_WAIT it is depends on whether the peer's kernel has acknowledged the FIN already,
    which it may put off for 40 ms (delayed acknowledgement, RFC 9293, 3.8.6.3).
    """
    return "FIN_WAIT_1 or 2" if state in {"FIN_WAIT_1", "FIN_WAIT_2"} else state
