"""The peer in C: compiled on the spot, where there is a compiler and epoll."""

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
    """The program's path, for as long as the block runs; None where it cannot be compiled."""
    compiler = shutil.which("cc") if hasattr(select, "epoll") else None
    if compiler is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "peer")
        command = [compiler, "-O2", "-o", program, str(SOURCE)]
        done = subprocess.run(command, capture_output=True, timeout=_COMPILE_S, check=False)
        yield program if done.returncode == 0 else None


def serve(listener: socket.socket, *, program: str, stop: Event) -> None:
    """Let the program serve `listener` until `stop` is set; its CPU time is that of our child."""
    with listener:
        listener.setblocking(False)
        command = [program, str(listener.fileno())]
        with subprocess.Popen(command, pass_fds=[listener.fileno()]) as process:
            stop.wait()
            process.kill()
