"""Shakes hands between two calls of accept()."""

import contextlib
import threading
import time

CAUGHT_BY = "serves a client while another does not begin its handshake"
HINT = "never between two calls of accept()"


def serve_tls(listener, context, deadline_s, stop):
    threads = []
    with listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(deadline_s)
            try:
                secured = context.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                continue
            threads.append(threading.Thread(target=talk, args=[secured, deadline_s, stop]))
            threads[-1].start()
    for thread in threads:
        thread.join()


def talk(secured, deadline_s, stop):
    with secured, contextlib.suppress(OSError):
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
