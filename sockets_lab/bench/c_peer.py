"""The peer in C, an epoll loop: compiled when needed, where there is a compiler and epoll."""

import os
import select
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

__all__ = ["compiled", "serve"]

SOURCE = Path(__file__).with_name("peer.c")
_COMPILE_S = 60


@contextmanager
def compiled() -> Iterator[str | None]:
    """Compile the program for the time of the block; yield its path, or None if that fails."""
    compiler = shutil.which("cc") if hasattr(select, "epoll") else None
    if compiler is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "peer")
        command = [compiler, "-O2", "-o", program, str(SOURCE)]
        result = subprocess.run(command, capture_output=True, timeout=_COMPILE_S, check=False)
        yield program if result.returncode == 0 else None


def serve(listener: socket.socket, *, program: str, stop: Event) -> None:
    """Let the program serve `listener` until `stop` is set; it counts as a child's CPU time."""
    with listener:
        listener.setblocking(False)
        command = [program, str(listener.fileno())]
        with subprocess.Popen(command, pass_fds=[listener.fileno()]) as process:
            stop.wait()
            process.kill()
