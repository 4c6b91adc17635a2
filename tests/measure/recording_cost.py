"""What recording costs on an echo exchange, as ratios to the same exchange unrecorded.

    python -m tests.measure.recording_cost [ROUNDS]

An exchange is 64 bytes there and back over loopback: four calls. Rounds are interleaved, the ratio
is taken within each round, and medians are printed with their quartiles. Three settings: client and
server in two threads; the same on one core, where no wake-up of the other core hides anything; and
both ends in one thread, which is the dearest case, since nothing is done but the calls themselves.
Where `strace` is found, the exchange is also traced with it.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from time import process_time_ns

from sockets_lab import record

EXCHANGES = 500
MESSAGE = b"x" * 64


def main(rounds: int = 21) -> None:
    """Print the ratios of `rounds` rounds of each setting."""
    show("two threads", measure(between_threads, rounds))
    if hasattr(os, "sched_setaffinity"):
        with on_one_core():
            show("two threads, one core", measure(between_threads, rounds))
            show("one thread, one core", measure(in_one_thread, rounds))
    else:
        show("one thread", measure(in_one_thread, rounds))
    if shutil.which("strace"):
        traced = [traced_ns() / plain_ns() for _ in range(rounds)]
        show("strace -f, two threads", traced)


def show(setting: str, ratios: list[float]) -> None:
    low, _, high = quantiles(ratios, n=4)
    print(f"{setting}: {median(ratios):.2f} times unrecorded ({low:.2f} to {high:.2f})")


def measure(exchange: Callable[[], int], rounds: int) -> list[float]:
    """Ratios recorded / unrecorded, one a round."""
    exchange()
    return [recorded(exchange) / exchange() for _ in range(rounds)]


def recorded(exchange: Callable[[], int]) -> int:
    with record():
        return exchange()


def between_threads() -> int:
    """Nanoseconds for EXCHANGES echoes, with the server in a thread of its own."""
    with connected() as (client, server):
        thread = threading.Thread(target=echo, args=(server,))
        thread.start()
        began = process_time_ns()
        for _ in range(EXCHANGES):
            client.send(MESSAGE)
            client.recv(64)
        taken = process_time_ns() - began
        client.shutdown(socket.SHUT_WR)
        thread.join()
        return taken


def in_one_thread() -> int:
    """Nanoseconds for EXCHANGES echoes, with both ends in this thread."""
    with connected() as (client, server):
        began = process_time_ns()
        for _ in range(EXCHANGES):
            client.send(MESSAGE)
            server.send(server.recv(64))
            client.recv(64)
        return process_time_ns() - began


def echo(server: socket.socket) -> None:
    while data := server.recv(64):
        server.send(data)


@contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client, server


@contextmanager
def on_one_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def plain_ns() -> int:
    return in_a_child()


def traced_ns() -> int:
    with tempfile.TemporaryDirectory() as folder:
        return in_a_child("strace", "-f", "-e", "trace=network,read,write", "-o", f"{folder}/calls")


def in_a_child(*tracer: str) -> int:
    """Nanoseconds for the exchanges in a fresh interpreter, which `tracer` may run."""
    code = "from tests.measure import recording_cost as cost; print(cost.between_threads())"
    command = [*tracer, sys.executable, "-c", code]
    return int(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
