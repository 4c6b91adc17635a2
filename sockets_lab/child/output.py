"""What becomes of the text that a child prints: kept until its end, or forwarded as it comes.

A parent that does not watch its child keeps the text in a file: a pipe that no one reads would fill
and block the child. A parent that waits for its child forwards the text meanwhile.
"""

import codecs
import os
import sys
import tempfile
from time import monotonic
from typing import Final, Protocol, TextIO

__all__ = ["ForwardedOutput", "KeptOutput", "Output"]

_MOST_KEPT: Final = 1 << 16
"""Bytes of the kept text that are returned, the last."""
_READ_SIZE: Final = 1 << 16


class Output(Protocol):
    """Where a child prints.

    `stdout` and `stderr` are the descriptors for it; `stdout` None means the same as `stderr`.
    `sources` are the descriptors to forward from.
    """

    stderr: int

    @property
    def stdout(self) -> int | None: ...
    @property
    def sources(self) -> tuple[int, ...]: ...
    def started(self) -> None: ...
    def forward(self, source: int) -> bool: ...
    def forward_rest(self, until: float) -> None: ...
    def kept(self) -> str: ...
    def close(self) -> None: ...


class KeptOutput:
    """A temporary file for all that a child prints."""

    stdout: int | None = None
    sources: tuple[int, ...] = ()

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # close() closes it
        self.stderr = self._file.fileno()

    def started(self) -> None:
        """Do nothing: the file stays open to be read."""

    def forward(self, source: int) -> bool:
        """Return False: there is nothing to forward."""
        return False

    def forward_rest(self, until: float) -> None:
        """Do nothing: there is nothing to forward."""

    def kept(self) -> str:
        """Return the end of the text."""
        self._file.seek(max(0, self._file.seek(0, os.SEEK_END) - _MOST_KEPT))
        return self._file.read().decode("utf-8", "replace")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ForwardedOutput:
    """Pipes whose text goes to this process's own `sys.stdout` and `sys.stderr` (POSIX)."""

    def __init__(self) -> None:
        out, self.stdout = os.pipe()
        err, self.stderr = os.pipe()
        self._streams = {out: _Stream(out, sys.stdout), err: _Stream(err, sys.stderr)}
        self._started = False

    @property
    def sources(self) -> tuple[int, ...]:
        """Return the descriptors that have not come to their end."""
        return tuple(source for source, stream in self._streams.items() if not stream.ended)

    def started(self) -> None:
        """Close the child's ends, once the child has them."""
        self._started = True
        os.close(self.stdout)
        os.close(self.stderr)

    def forward(self, source: int) -> bool:
        """Forward what has come; return True if there may be more."""
        return self._streams[source].forward()

    def forward_rest(self, until: float) -> None:
        """Forward what the pipes still hold; a process left behind may print on until `until`."""
        for stream in self._streams.values():
            while stream.forward() and monotonic() < until:
                pass

    def kept(self) -> str:
        """Return "": the text was forwarded."""
        return ""

    def close(self) -> None:
        """Close the pipes, and flush what the text went to."""
        if not self._started:
            self.started()
        for source, stream in self._streams.items():
            os.close(source)
            stream.target.flush()


class _Stream:
    """One pipe, and where its text goes, whole characters at a time."""

    def __init__(self, source: int, target: TextIO) -> None:
        self.ended = False
        self.target = target
        self._source = source
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        os.set_blocking(source, False)

    def forward(self) -> bool:
        """Forward what has come; return False if nothing has, or at the end of the pipe."""
        if self.ended:
            return False
        try:
            chunk = os.read(self._source, _READ_SIZE)
        except BlockingIOError:
            return False
        self.ended = not chunk
        self.target.write(self._decoder.decode(chunk, final=self.ended))
        return not self.ended
