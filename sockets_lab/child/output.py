"""Forward the text that a child prints to this process's own `sys.stdout` or `sys.stderr`."""

import codecs
import os
from time import monotonic
from typing import Final, TextIO

__all__ = ["ForwardedStream"]

_READ_SIZE: Final = 1 << 16


class ForwardedStream:
    """A pipe for text of the child (POSIX); its whole characters are written to `target`.

    The child prints to `writer`; forward when `source` is readable, until `ended`.
    """

    def __init__(self, target: TextIO) -> None:
        self.source, self.writer = os.pipe()
        self.ended = False
        self._target = target
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        os.set_blocking(self.source, False)

    def forward(self) -> bool:
        """Forward what has come; return False if nothing has, or at the end of the pipe."""
        if self.ended:
            return False
        try:
            chunk = os.read(self.source, _READ_SIZE)
        except BlockingIOError:
            return False
        self.ended = not chunk
        self._target.write(self._decoder.decode(chunk, final=self.ended))
        return not self.ended

    def forward_rest(self, until: float) -> None:
        """Forward what the pipe still holds; a process left behind may print on until `until`."""
        while self.forward() and monotonic() < until:
            pass

    def close_writer(self) -> None:
        """Close our copy of the child's end, once the child has it."""
        os.close(self.writer)

    def close(self) -> None:
        """Close the pipe, and flush its target."""
        os.close(self.source)
        self._target.flush()
