"""Begins the deadline anew with every byte that comes."""

import contextlib
import select
import ssl
import threading
import time

CAUGHT_BY = "gives the handshake one deadline, not one for each byte"
HINT = "counts from the beginning"


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
        connection.setblocking(False)
        with context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        ) as secured:
            shake_hands(secured, deadline_s)
            echo(secured, deadline_s, stop)
            secured.unwrap()


def shake_hands(secured, deadline_s):
    while True:
        try:
            return secured.do_handshake()
        except ssl.SSLWantReadError:
            if not select.select([secured], [], [], deadline_s)[0]:
                raise TimeoutError from None


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
