"""Lets the error of one handshake end the server."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

CAUGHT_BY = "survives a client that does not speak TLS"
HINT = "end this connection"
ALSO = (
    "echoes over TLS",
    "serves a client while another does not begin its handshake",
    "serves a client while another sends nothing",
    "closes a client that does not complete its handshake in time",
    "gives the handshake one deadline, not one for each byte",
    "closes a client that is silent after its handshake",
    "survives a client that does not trust its certificate",
    "answers close_notify",
    "leaves no connection open",
    "returns when `stop` is set",
)


def serve_tls(listener, context, deadline_s, stop):
    with ThreadPoolExecutor(16) as pool, listener:
        listener.settimeout(0.05)
        running = []
        while not stop.is_set():
            for one in [one for one in running if one.done()]:
                one.result()
                running.remove(one)
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            running.append(pool.submit(talk, connection, context, deadline_s, stop))


def talk(connection, context, deadline_s, stop):
    with connection:
        connection.settimeout(deadline_s)
        with context.wrap_socket(connection, server_side=True) as secured:
            echo(secured, deadline_s, stop)
            with contextlib.suppress(OSError):
                secured.unwrap()


def echo(secured, deadline_s, stop):
    heard_s = time.monotonic()
    secured.settimeout(0.05)
    while not stop.is_set() and time.monotonic() < heard_s + deadline_s:
        try:
            received = secured.recv(65_536)
        except TimeoutError:
            continue
        if not received:
            return
        heard_s = time.monotonic()
        secured.settimeout(deadline_s)
        secured.sendall(received)
        secured.settimeout(0.05)
