"""Wraps the listener: accept() leads the handshake then."""

import contextlib
import threading
import time

CAUGHT_BY = "serves a client while another does not begin its handshake"
HINT = "never between two calls"
ALSO = (
    "serves a client while another sends nothing",
    "closes a client that does not complete its handshake in time",
    "gives the handshake one deadline, not one for each byte",
    "survives a client that does not speak TLS",
    "survives a client that does not trust its certificate",
    "leaves no connection open",
    "returns when `stop` is set",
)


def serve_tls(listener, context, deadline_s, stop):
    threads = []
    with context.wrap_socket(listener, server_side=True) as listening:
        listening.settimeout(0.05)
        while not stop.is_set():
            try:
                secured, _ = listening.accept()
            except OSError:
                continue
            threads.append(threading.Thread(target=talk, args=[secured, deadline_s, stop]))
            threads[-1].start()
    listener.close()
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
