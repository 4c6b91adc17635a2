"""Shakes hands with one client, and serves it to its end, before the next."""

import contextlib
import time

CAUGHT_BY = (
    "serves a client while another does not begin its handshake",
    "serves a client while another sends nothing",
)
HINT = "never between two calls"


def serve_tls(listener, context, deadline_s, stop):
    with listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            with contextlib.suppress(OSError):
                talk(listener.accept()[0], context, deadline_s, stop)


def talk(connection, context, deadline_s, stop):
    with connection, contextlib.suppress(OSError):
        connection.settimeout(deadline_s)
        with context.wrap_socket(connection, server_side=True) as secured:
            echo(secured, deadline_s, stop)
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
