"""Interrupting a drawing gives the prompt back soon.

IPython shows the source of every frame that an interrupt passed on its way. matplotlib's calls are
deep and its files are long, so that reading and colouring them took up to two seconds; and none of
it is about sockets.
"""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["told_briefly"]


@contextmanager
def told_briefly() -> Iterator[None]:
    """Let an interrupt of what is drawn inside end here, without the frames it came from."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("while drawing") from None
