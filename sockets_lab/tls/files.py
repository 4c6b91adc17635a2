"""A temporary file for what `ssl` loads only from a file: private keys and revocation lists."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sockets_lab.interrupts import hold_interrupts

__all__ = ["temporary_file"]


@contextmanager
def temporary_file(pem: bytes) -> Iterator[Path]:
    """Write `pem` to a file that only this user can read; remove it afterwards, even on Ctrl-C.

    The file is in a new folder (mode 0700), and has mode 0600 from the beginning.
    """
    with hold_interrupts(), tempfile.TemporaryDirectory(prefix="sockets-lab-") as folder:
        file = Path(folder, "pem")
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(pem)
        yield file
