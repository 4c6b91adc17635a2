"""What recording costs on an echo exchange, in times of the same exchange unrecorded.

    python -m tools.measure.recording_cost [ROUNDS]

An exchange is 64 bytes there and back over loopback: four calls. Rounds are interleaved, the ratio
is taken within each round, and medians are printed with their quartiles. What is compared is CPU
time of the process: of a server whose client is another process, the steadiest figure; of client
and server in two threads; the same on one core, where no wake-up of the other core hides anything;
and of both ends in one thread, the dearest case, since nothing is done but the calls themselves.
Where `strace` is found, it is compared too.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median, quantiles
from time import process_time_ns

from sockets_lab import record

EXCHANGES = 500
MESSAGE = b"x" * 64


def main(rounds: int = 21) -> None:
    """Print the ratios of `rounds` rounds of each setting."""
    with client_elsewhere() as server:
        show("a server's CPU time a message", measure(partial(serve, server), rounds))
    show("two threads", measure(between_threads, rounds))
    if hasattr(os, "sched_setaffinity"):
        with on_one_core():
            show("two threads, one core", measure(between_threads, rounds))
            show("one thread, one core", measure(in_one_thread, rounds))
    else:
        show("one thread", measure(in_one_thread, rounds))
    if shutil.which("strace"):
        compare_with_strace(rounds)


def show(setting: str, ratios: list[float]) -> None:
    low, _, high = quantiles(ratios, n=4)
    print(f"{setting}: {median(ratios):.2f} ({low:.2f} to {high:.2f})")


def measure(exchange: Callable[[], int], rounds: int) -> list[float]:
    """Ratios recorded / unrecorded, one a round."""
    exchange()
    return [recorded(exchange) / exchange() for _ in range(rounds)]


def recorded(exchange: Callable[[], int]) -> int:
    with record():
        return exchange()


@contextmanager
def client_elsewhere() -> Iterator[socket.socket]:
    """Yield the server's end of a connection; a child process sends and awaits the echo."""
    code = f"""
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
    client.send({MESSAGE!r})
    while client.recv(64):
        client.send({MESSAGE!r})
"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        with subprocess.Popen([sys.executable, "-c", code, port]):
            server, _ = listener.accept()
            with server:
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                yield server
                server.recv(64)  # the client is waiting for an echo: nothing is left unread
                server.shutdown(socket.SHUT_WR)


def serve(server: socket.socket) -> int:
    """Nanoseconds for EXCHANGES echoes, of this end only."""
    began = process_time_ns()
    for _ in range(EXCHANGES):
        server.send(server.recv(64))
    return process_time_ns() - began


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


def compare_with_strace(rounds: int) -> None:
    """Time by the clock, in fresh interpreters: what a tracer takes is not the child's own time."""
    with tempfile.TemporaryDirectory() as folder:
        strace = ("strace", "-f", "-e", "trace=network", "-o", f"{folder}/calls")
        plain, own, traced = zip(
            *(
                (
                    in_a_child("exchange()"),
                    in_a_child("recorded(exchange)"),
                    in_a_child("exchange()", *strace),
                )
                for _ in range(rounds)
            ),
            strict=True,
        )
    show("strace -f, two threads, by the clock", ratios(traced, plain))
    show("recorded, two threads, by the clock", ratios(own, plain))
    show("recorded, by the clock, in times of strace -f", ratios(own, traced))


def in_a_child(call: str, *tracer: str) -> int:
    """Nanoseconds by the clock for the exchanges in a fresh interpreter, run by `tracer`."""
    code = f"""
import time
from tests.measure import recording_cost as cost
from tools.measure.recording_cost import between_threads as exchange, recorded
cost.process_time_ns = time.perf_counter_ns
exchange()
print({call})
"""
    command = [*tracer, sys.executable, "-c", code]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


def ratios(these: Sequence[int], those: Sequence[int]) -> list[float]:
    return [this / that for this, that in zip(these, those, strict=True)]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
