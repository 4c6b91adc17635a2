"""Closes without a goodbye."""

import contextlib
import threading
import time

CAUGHT_BY = "answers close_notify"
HINT = "answer with unwrap()"


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
    with connection, contextlib.suppress(OSError):
        connection.settimeout(deadline_s)
        with context.wrap_socket(connection, server_side=True) as secured:
            echo(secured, deadline_s, stop)


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
