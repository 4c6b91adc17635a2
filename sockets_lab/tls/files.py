"""What OpenSSL reads from a file only is written to one for that moment, and taken away again."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sockets_lab.interrupts import hold_interrupts

__all__ = ["in_a_file"]


@contextmanager
def in_a_file(pem: bytes) -> Iterator[Path]:
    """A file with this text that nobody else can read; it goes with the block, interrupted or not.

    It is the only one in a folder of its own (mode 0700), and has mode 0600 from the beginning.
    """
    with hold_interrupts(), tempfile.TemporaryDirectory(prefix="sockets-lab-") as folder:
        file = Path(folder, "pem")
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(pem)
        yield file
