"""Closes neither the connection nor what wraps it, and keeps them all."""

import contextlib
import threading
import time

CAUGHT_BY = "leaves no connection open"
HINT = "another object with the same descriptor"
ALSO = (
    "closes a client that does not complete its handshake in time",
    "gives the handshake one deadline, not one for each byte",
    "closes a client that is silent after its handshake",
    "survives a client that does not speak TLS",
    "returns when `stop` is set",
)

kept = []


def serve_tls(listener, context, deadline_s, stop):
    threads = []
    with listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=talk, args=[connection, context, deadline_s, stop])
            threads.append(thread)
            thread.start()
    for thread in threads:
        thread.join()


def talk(connection, context, deadline_s, stop):
    kept.append(connection)
    with contextlib.suppress(OSError):
        connection.settimeout(deadline_s)
        secured = context.wrap_socket(connection, server_side=True)
        kept.append(secured)
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
