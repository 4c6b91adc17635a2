"""Show an interrupt without the frames that it passed through.

IPython shows the source of every frame of a traceback. matplotlib's calls are deep and its files
are long, so that reading and colouring them took up to two seconds; and none of it is about
sockets.
"""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_traceback"]


@contextmanager
def without_traceback(message: str) -> Iterator[None]:
    """Replace an interrupt of the block by one with `message` that begins here."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(message) from None
